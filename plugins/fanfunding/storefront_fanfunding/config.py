"""This plugin's section as values; ``config_schema`` has checked it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from storefront.core.clock import DAY_MS
from storefront.core.config.model import Available, Offer
from storefront_fanfunding.accounts import MANUAL

KIND = "tip"
SKU = "fanfunding.tip"
"""The offer that every tip is a purchase of: it stands on no shelf, and is bought by a bill alone."""
OF_ALL = ("share", "hold_days", "currencies", "may_grant", "payout", "payout_min")
"""What the operator may say for all creators, and of one."""
WHOLE = 10_000
"""Basis points of all."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """How much of an offer a creator's tips may give: at once, and on one day (UTC)."""

    per_tip: int
    per_day: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator grants a creator: ``share`` in basis points, ``hold_ms`` until what is earned can be paid out.

    ``currencies``: in what tips are taken; None: wherever the creator has a minimum. ``may_grant``: SKU -> how much of
    it. ``payout``: manual, or the gateway that transfers to the creator's ``account`` there; ``payout_min``: the least
    that is paid out, in minor units.
    """

    share: int
    hold_ms: int
    currencies: frozenset[str] | None
    may_grant: Mapping[str, Allowed] = field(default_factory=dict)
    payout: str = MANUAL
    account: str | None = None
    payout_min: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "Terms":
        currencies = section.get("currencies")
        return cls(
            share=int(Fraction(section.get("share", "100%").removesuffix("%")) * 100),
            hold_ms=section.get("hold_days", 7) * DAY_MS,
            currencies=None if currencies is None else frozenset(currencies),
            may_grant={one["sku"]: Allowed(one["per_tip"], one["per_day"]) for one in section.get("may_grant", ())},
            payout=section.get("payout", MANUAL),
            account=section.get("account"),
            payout_min=section.get("payout_min", {}),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's part. ``rates``: currency -> other currency -> how many of it one is worth, as written.

    ``importing``: creator -> importer -> its section. ``is_four_eyes``: a payout begins only once another person than
    the one who created it has approved it. ``new_account_ms``: how long one to a new account waits before.
    """

    common: Terms
    own: Mapping[str, Terms]
    rates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    is_four_eyes: bool = False
    new_account_ms: int = 0
    importing: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "Settings":
        common = {name: section[name] for name in OF_ALL if name in section}
        creators = section.get("creators", {})
        return cls(
            common=Terms.of(common),
            own={name: Terms.of({**common, **one}) for name, one in creators.items()},
            rates=section.get("rates", {}),
            is_four_eyes=section.get("payouts", {}).get("four_eyes", False),
            new_account_ms=section.get("payouts", {}).get("new_account_days", 3) * DAY_MS,
            importing={name: one.get("imports", {}) for name, one in creators.items()},
        )

    def imports(self, creator: str) -> Mapping[str, Any]:
        """Return importer -> its section, of a creator."""
        found: Mapping[str, Any] = self.importing.get(creator, {})
        return found

    def terms(self, creator: str) -> Terms:
        """Return the terms of a creator: their own, else those of all."""
        return self.own.get(creator, self.common)


def hidden_offers(section: Mapping[str, Any]) -> Mapping[str, Offer]:
    """Return what this plugin sells beside what the YAML offers: tips, which stand on no shelf."""
    offer = Offer(
        sku=SKU,
        kind=KIND,
        title={"en": "Tip", "de": "Trinkgeld"},
        description=None,
        picture=None,
        prices={},
        grants={},
        limits=(),
        available=Available(None, None),
        featured=False,
        badge=None,
        hidden=True,
        metadata={},
        part={},
        tax_class=section.get("tax_class", "tips"),
        giftable=False,
    )
    return {SKU: offer}
