"""The tip page as its template shows it: one creator, one form, and who tipped lately."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storefront.core.catalog import text_in
from storefront.core.clock import to_datetime
from storefront.core.money import MAX_AMOUNT, Money
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.design.money import exponent_of
from storefront.pages import Moment, PageFrame, amount_words
from storefront_fanfunding.badge_rules import badges_of
from storefront_fanfunding.creators import Creator, find_creator_id
from storefront_fanfunding.page.collecting import GoalLine, Kind, goal_lines, kindest
from storefront_fanfunding.rows import SHOWN
from storefront_fanfunding.shapes import show_creator

_RECENT = 8


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form: as a fan left it, or nothing yet. ``errors``: field -> what is wrong there.

    ``key`` is that of a try which may still go through."""

    preset: str = ""
    other: str = ""
    name: str = ""
    message: str = ""
    is_anonymous: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An amount to press; ``text`` is how it reads on the key, ``sum`` on the button."""

    amount: int
    text: str
    sum: str


@dataclass(frozen=True, slots=True)
class TierLine:
    """A tier, and by which keys it is reached; ``least`` in minor units of the page's currency.

    ``gives``: what its fan is given, in words.
    """

    title: str
    least: int
    text: str
    color: str | None
    max_chars: int
    reached_by: tuple[int, ...]
    gives: str


@dataclass(frozen=True, slots=True)
class TipLine:
    """A tip that everybody may see; nameless if its giver wants to be."""

    name: str | None
    amount: str
    message: str
    at: Moment | None = None

    @property
    def initial(self) -> str:
        return initials(self.name) if self.name else "?"


@dataclass(frozen=True, slots=True)
class TipView:
    """The whole page."""

    page: PageFrame
    creator: Mapping[str, Any]
    initials: str
    currency: str | None
    currencies: Sequence[str]
    keys: Sequence[Key]
    tiers: Sequence[TierLine]
    limits: str
    least: int
    most: int
    exponent: int
    free_chars: int
    typed: Typed
    key: str
    recent: Sequence[TipLine]
    kindest: Sequence[Kind]
    goals: Sequence[GoalLine]

    @property
    def path(self) -> str:
        return f"/tip/{self.creator['id']}"


def initials(name: str) -> str:
    """Return up to two letters that stand for a name."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or name[:1]


def real_currencies(services: Services, creator: Creator) -> dict[str, int]:
    """Return in which money a creator takes tips -> the least, in minor units."""
    catalog = services.catalogs.active
    return {code: least for code, least in creator.least().items() if not catalog.is_virtual(code)}


def limits_of(services: Services, creator: Creator, currency: str, language: str) -> str:
    """Word how much can be given: ``$1.00 to $500.00``."""
    least, most = creator.least()[currency], creator.tips.get("max", {}).get(currency)
    low = amount_words(services, language, least, currency)
    return f"{low} or more" if most is None else f"{low} to {amount_words(services, language, most, currency)}"


async def tip_view(
    services: Services, creator: Creator, page: PageFrame, *, currency: str | None, typed: Typed
) -> TipView:
    """Return the page of a creator in a currency; in the first one that they take if it is another."""
    told, taken = show_creator(creator, page.locale), real_currencies(services, creator)
    chosen = currency if currency in taken else next(iter(taken), None)
    keys: list[Key] = []
    tiers: list[TierLine] = []
    if chosen is not None:
        keys = [_key(services, page.locale, amount, chosen) for amount in told["presets"].get(chosen, ())]
        tiers = _tiers(services, creator, told, page.locale, currency=chosen, keys=keys)
        if keys and not typed.preset and not typed.other and not typed.errors:
            typed = Typed(preset=str(keys[min(1, len(keys) - 1)].amount))
    return TipView(
        page=page,
        creator=told,
        initials=initials(creator.shown_name),
        currency=chosen,
        currencies=tuple(taken),
        keys=keys,
        tiers=tiers,
        limits="" if chosen is None else limits_of(services, creator, chosen, page.locale),
        least=0 if chosen is None else taken[chosen],
        most=MAX_AMOUNT if chosen is None else creator.tips.get("max", {}).get(chosen, MAX_AMOUNT),
        exponent=0 if chosen is None else exponent_of(chosen),
        free_chars=0 if chosen is None else creator.tier_of(Money(taken[chosen], chosen)).max_chars,
        typed=typed,
        key=typed.key or secrets.token_urlsafe(18),
        recent=await _lately(services, creator, page),
        kindest=await kindest(services, creator, page, chosen),
        goals=await goal_lines(services, creator, page),
    )


def _key(services: Services, language: str, amount: int, currency: str) -> Key:
    words = amount_words(services, language, amount, currency)
    unit = 10 ** exponent_of(currency)
    is_whole = unit > 1 and amount % unit == 0
    zeros = f"{unit}"[1:]
    short = words.replace(f".{zeros}", "").replace(f",{zeros}", "") if is_whole else words
    return Key(amount, short, words)


def _tiers(
    services: Services, creator: Creator, told: Mapping[str, Any], language: str, *, currency: str, keys: list[Key]
) -> list[TierLine]:
    found = []
    for tier, written in zip(told["tiers"], creator.tiers, strict=True):
        least = creator.needed_for(tier["min"], currency)
        if least is not None:
            reached = tuple(index for index, key in enumerate(keys) if key.amount >= least)
            words = amount_words(services, language, least, currency)
            found.append(TierLine(tier["title"], least, words, tier["color"], tier["max_chars"], reached,
                                  _gives(services, creator, written, language)))  # fmt: skip
    return sorted(found, key=lambda line: line.least)


def _gives(services: Services, creator: Creator, tier: Mapping[str, Any], language: str) -> str:
    """Word what a tier gives: offers of the shop, and a badge."""
    catalog, badges = services.catalogs.active, {one.id: one for one in badges_of(creator)}

    def text(said: Any) -> str:
        return said if isinstance(said, str) else text_in(said, language, catalog.default_language) or ""

    goods = [(count, text(catalog.offer(sku).title)) for sku, count in tier.get("grants", {}).items()
             if sku in catalog.offers]  # fmt: skip
    words = [title if count == 1 else f"{count} × {title}" for count, title in goods]
    badge = badges.get(tier.get("badge", ""))
    return ", ".join([*words, *([] if badge is None else [f"badge {text(badge.title)}"])])


async def _lately(services: Services, creator: Creator, page: PageFrame) -> list[TipLine]:
    """Return the newest tips, as far as they are public."""
    identity = await find_creator_id(services, creator.name)
    rows = await services.reader.all(SHOWN, creator_id=identity or "", before=2**53, most=_RECENT)
    return [_line(services, page, row) for row in rows]


def _line(services: Services, page: PageFrame, row: Row) -> TipLine:
    at = to_datetime(row["paid_at"])
    return TipLine(
        name=None if row["is_anonymous"] else row["name"],
        amount=amount_words(services, page.locale, row["amount"], row["currency"]),
        message="" if row["is_name_only"] else row["message"],
        at=Moment.at(at, f"{at.day} {at:%b %H:%M} UTC"),
    )
