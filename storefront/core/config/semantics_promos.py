"""What contradicts itself in the sections ``promo_codes`` and ``referrals``."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from storefront.core.config.currencies import real_currencies
from storefront.core.config.forms import read_instant
from storefront.core.config.messages import Complaint
from storefront.core.config.mistakes import Path, show_key
from storefront.core.config.model_promos import normal_code
from storefront.core.config.validation import did_you_mean

if TYPE_CHECKING:
    from storefront.core.config.semantics import Facts

Section = Mapping[str, object]


def promo_complaints(facts: "Facts") -> Iterator[Complaint]:
    """What is wrong with promo codes beyond their schema."""
    seen: dict[str, str] = {}
    for key, value in facts.section("promo_codes").items():
        code, path = _mapping(value), ("promo_codes", key)
        normal = normal_code(str(key))
        if normal is not None and seen.setdefault(normal, str(key)) != key:
            yield Complaint(path, f"is the same code as {show_key(seen[normal])}: case and `-` make none", at_key=True)
        yield from _worth(path, code)
        yield from _window(path, code)
        yield from _limits(path, code)
        yield from _filters(facts, path, code)


def referral_complaints(facts: "Facts") -> Iterator[Complaint]:
    """What is wrong with referrals beyond their schema."""
    section = facts.section("referrals")
    for side, reward in _mapping(section.get("reward")).items():
        path: Path = ("referrals", "reward", side)
        if isinstance(reward, str):
            yield from _rewarded_code(facts, path, reward)
        for asset in _mapping(reward):
            if asset in real_currencies():
                message = "is real money, which nobody is given; take a currency of the shop's own"
                yield Complaint((*path, asset), message, at_key=True)
    for asset in _mapping(section.get("minimum")):
        if asset in facts.section("assets"):
            message = "is a currency of the shop's own: only purchases for real money bring a reward"
            yield Complaint(("referrals", "minimum", asset), message, at_key=True)


def _worth(path: Path, code: Section) -> Iterator[Complaint]:
    if ("percent" in code) == ("amount" in code):
        what = "has both `percent` and `amount`" if "percent" in code else "has neither `percent` nor `amount`"
        yield Complaint(path, f"{what}: a code takes off one of them", meant=path)
    worth, least = _mapping(code.get("amount")), _mapping(code.get("minimum"))
    if worth and least and (strange := sorted(set(worth) ^ set(least))):
        message = f"names other assets than `amount` ({', '.join(strange)}): the code would be of no use there"
        yield Complaint((*path, "minimum"), message, meant=path)


def _window(path: Path, code: Section) -> Iterator[Complaint]:
    try:
        begin, end = read_instant(str(code.get("from"))), read_instant(str(code.get("until")))
    except (ValueError, OverflowError):
        return
    if begin >= end:
        yield Complaint((*path, "until"), "must be later than `from`", meant=path)


def _limits(path: Path, code: Section) -> Iterator[Complaint]:
    uses, each = code.get("uses"), code.get("per_customer")
    most = 1 if uses == "once" else uses
    is_bulk = code.get("bulk") is True
    if not is_bulk and isinstance(most, int) and isinstance(each, int) and most < each:
        yield Complaint((*path, "per_customer"), f"can never be reached: the code has only {most} in all")
    if code.get("first_purchase") is True and isinstance(each, int) and each > 1:
        message = "must be 1 or absent: nobody has two first purchases"
        yield Complaint((*path, "per_customer"), message)


def _filters(facts: "Facts", path: Path, code: Section) -> Iterator[Complaint]:
    named = code.get("kinds")
    for index, kind in enumerate(named if isinstance(named, list) else []):
        owner = facts.kind_owners.get(kind) if isinstance(kind, str) else None
        if isinstance(kind, str) and kind not in facts.kinds and (owner is None or owner in facts.enabled):
            hint = did_you_mean(kind, facts.kinds) or f"; there are: {', '.join(facts.kinds)}"
            yield Complaint((*path, "kinds", index), f"no plugin brings this kind{hint}")
        elif isinstance(kind, str) and kind not in facts.kinds:
            yield Complaint((*path, "kinds", index), f"comes with the plugin {owner}; name it under `plugins:`")


def _rewarded_code(facts: "Facts", path: Path, name: str) -> Iterator[Complaint]:
    codes = facts.section("promo_codes")
    found = next((value for key, value in codes.items() if normal_code(str(key)) == normal_code(name)), None)
    if found is None:
        message = f"there is no promo code {show_key(name)}{did_you_mean(name, [str(key) for key in codes])}"
        yield Complaint(path, message)
    elif _mapping(found).get("bulk") is not True:
        yield Complaint(path, "must be a bulk code (`bulk: true`): everybody gets a code of their own")


def _mapping(value: object) -> Section:
    return value if isinstance(value, dict) else {}
