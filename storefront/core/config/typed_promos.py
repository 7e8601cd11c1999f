"""Turns the checked sections ``promo_codes`` and ``referrals`` into their dataclasses."""

from collections.abc import Mapping
from datetime import datetime

from storefront.core.config.forms import read_instant
from storefront.core.config.model import Text, Window
from storefront.core.config.model_promos import PromoCode, Referrals, Reward, normal_code

Section = Mapping[str, object]
ONCE, UNLIMITED = "once", "unlimited"


def make_promo_codes(sections: Section, language: str) -> dict[str, PromoCode]:
    """Return ``normal form -> code`` of the checked section."""
    made = {}
    for key, section in sections.items():
        assert isinstance(section, dict)
        name = normal_code(key)
        assert name is not None
        made[name] = _promo_code(name, section, language)
    return made


def make_referrals(section: Section) -> Referrals:
    """Return the checked section ``referrals``."""
    reward, capped = _mapping(section.get("reward")), _mapping(section.get("per_referrer"))
    return Referrals(
        referrer=_reward(reward.get("referrer")),
        referred=_reward(reward.get("referred")),
        minimum=_amounts(section, "minimum"),
        most=_whole(capped, "count"),
        window=Window(str(capped.get("window", Window.LIFETIME))),
        hold_back_days=_whole(section, "hold_back_days") or 0,
    )


def _promo_code(name: str, section: Section, language: str) -> PromoCode:
    is_bulk = section.get("bulk") is True
    return PromoCode(
        name=name,
        percent=_whole(section, "percent"),
        amount=_amounts(section, "amount"),
        uses=_uses(section.get("uses", ONCE if is_bulk else UNLIMITED)),
        per_customer=_whole(section, "per_customer"),
        from_=_instant(section, "from"),
        until=_instant(section, "until"),
        offers=_texts(section, "offers"),
        kinds=_texts(section, "kinds"),
        countries=_texts(section, "countries"),
        minimum=_amounts(section, "minimum"),
        first_purchase=section.get("first_purchase") is True,
        stackable=section.get("stackable") is True,
        label=_label(section.get("label"), language),
        is_bulk=is_bulk,
        restore_on_refund=section.get("restore_on_refund") is True,
    )


def _uses(value: object) -> int | None:
    if value == UNLIMITED:
        return None
    if value == ONCE:
        return 1
    assert isinstance(value, int)
    return value


def _reward(value: object) -> Reward:
    if isinstance(value, str):
        return Reward(promo_code=normal_code(value))
    return Reward(credits={asset: amount for asset, amount in _mapping(value).items() if isinstance(amount, int)})


def _label(value: object, language: str) -> Text | None:
    if isinstance(value, str):
        return {language: value}
    return None if value is None else {key: str(text) for key, text in _mapping(value).items()}


def _amounts(section: Section, key: str) -> dict[str, int]:
    return {asset: amount for asset, amount in _mapping(section.get(key)).items() if isinstance(amount, int)}


def _texts(section: Section, key: str) -> tuple[str, ...]:
    value = section.get(key, [])
    assert isinstance(value, list)
    return tuple(str(one) for one in value)


def _whole(section: Section, key: str) -> int | None:
    value = section.get(key)
    assert value is None or isinstance(value, int)
    return value


def _instant(section: Section, key: str) -> datetime | None:
    value = section.get(key)
    return read_instant(value) if isinstance(value, str) else None


def _mapping(value: object) -> Section:
    return value if isinstance(value, dict) else {}
