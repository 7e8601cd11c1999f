"""The sections ``promo_codes`` and ``referrals`` as the rest of the shop sees them.

Both are part of the catalog version that prices a purchase, so that an edit of the YAML changes nothing about
purchases that were begun before it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from storefront.core.config.model import Text, Window

LONGEST_CODE = 64
_PASSED_OVER = re.compile(r"[\s\-_\u2010-\u2015]")
_CODE = re.compile(rf"[A-Z0-9]{{3,{LONGEST_CODE}}}")


def normal_code(text: str) -> str | None:
    """Return a code as the books keep it: upper case, without spaces and dashes; None of what can be no code."""
    code = _PASSED_OVER.sub("", text).upper()
    return code if _CODE.fullmatch(code) else None


@dataclass(frozen=True, slots=True)
class PromoCode:
    """One promo code, or (``is_bulk``) the terms of codes that are generated, each of which is used ``uses`` times.

    ``name`` is the key of the YAML in its normal form. Either ``percent`` or ``amount`` (asset -> minor units off) is
    given. ``uses`` is in all, ``per_customer`` each (of a bulk code: of all its codes together); None: any number.
    Empty filters mean anything; ``minimum`` is asset -> least list price in minor units.
    """

    name: str
    percent: int | None = None
    amount: Mapping[str, int] = field(default_factory=dict)
    uses: int | None = None
    per_customer: int | None = None
    from_: datetime | None = None
    until: datetime | None = None
    offers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    minimum: Mapping[str, int] = field(default_factory=dict)
    first_purchase: bool = False
    stackable: bool = False
    label: Text | None = None
    is_bulk: bool = False
    restore_on_refund: bool = False


@dataclass(frozen=True, slots=True)
class Reward:
    """What a referral brings one side: asset -> amount of the shop's own currencies, or a code of a bulk code."""

    credits: Mapping[str, int] = field(default_factory=dict)
    promo_code: str | None = None


@dataclass(frozen=True, slots=True)
class Referrals:
    """Rewards for bringing a new customer, once they have paid real money (``minimum``: currency -> least total).

    ``most`` is how many rewards a referrer gets in one ``window``; None: any number.
    """

    referrer: Reward = field(default_factory=Reward)
    referred: Reward = field(default_factory=Reward)
    minimum: Mapping[str, int] = field(default_factory=dict)
    most: int | None = None
    window: Window = Window.LIFETIME
    hold_back_days: int = 0
