"""The steps of a freeze, as data: what a reversal may want back is set aside until it is known who is right.

``freeze_steps.py`` says what they do. A freeze is about one ``Demand``, which stays the same from the first step to
the last: it names the rows that each of them needs. ``demand_of`` reads it from the freeze's row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from storefront.core.commit.item_terms import ItemTerms
from storefront.core.commit.reversals import LotPart


@dataclass(frozen=True, slots=True)
class SourceDemand:
    """What of a wallet's demand was given as what (``purchased``, ``granted``, ``gift``), and in which of its lots."""

    source: str
    demanded: int
    lot_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WalletDemand:
    """What is wanted of one wallet: parts of the lots that the original filled.

    ``at_most`` is what the original gave that wallet in all; what was taken back of it before counts against it.
    ``outside_lots`` is demanded too and lies in no lot of this wallet: what the original gave and a debt swallowed
    (``paid_debts`` of it), and what was given again to somebody else. ``sources`` say as what it was given; a freeze
    of an older version has none.
    """

    asset: str
    parts: tuple[LotPart, ...]
    at_most: int
    outside_lots: int = 0
    paid_debts: int = 0
    sources: tuple[SourceDemand, ...] = ()

    @property
    def demanded(self) -> int:
        return sum(part.amount for part in self.parts) + self.outside_lots


@dataclass(frozen=True, slots=True)
class Demand:
    """What a reversal wants back: value, items (``sku -> quantity``), and rights (entitlement keys) from one source.

    ``original`` is the entry that gave the value; ``source_id`` is what the rights were given for (a purchase).
    ``terms`` (``sku -> ItemTerms``) names those items that are not merely counted.
    """

    original: str | None
    wallets: tuple[WalletDemand, ...] = ()
    items: Mapping[str, int] = field(default_factory=dict)
    rights: tuple[str, ...] = ()
    source_id: str = ""
    terms: Mapping[str, ItemTerms] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Freeze:
    """Set aside what is there of a demand, at most what is asked; ``freeze_id`` is the reversal's id.

    What a hold pins is frozen when the hold gives it back. What another freeze has is not there. The outcome's
    ``results["freeze:<id>"]`` is the row.
    """

    freeze_id: str
    customer_id: str
    demand: Demand


@dataclass(frozen=True, slots=True)
class Unfreeze:
    """Give back exactly what the freeze has set aside; one that is not open any more is ``Stale``."""

    freeze_id: str
    customer_id: str
    demand: Demand


@dataclass(frozen=True, slots=True)
class TakeFrozen:
    """Take exactly what the freeze has set aside: value to issuance under ``entry``, items, rights.

    ``about`` is what the items are taken for, if it is not called like the freeze. What a hold pins of the demand is
    missing; if an ``Owe`` of what is missing follows, the hold pays that debt with what it gives back.

    ``most`` bounds what of an asset may be frozen: more (a hold has ended since) is ``Stale``, for what was decided
    beside it would take too much.

    ``results["taken:<label>"]`` is ``{"wallets": {asset: amount}, "items": {sku: quantity}, "rights": [key, …]}``,
    ``results["lots:<label>"]`` is ``{lot: amount}`` of the value, ``results["missing:<label>"]`` likewise what was
    demanded and is not there (without rights). One that is not open
    any more is ``Stale``.
    """

    entry: str
    freeze_id: str
    customer_id: str
    demand: Demand
    label: str = "frozen"
    about: str | None = None
    most: Mapping[str, int] = field(default_factory=dict)


def freeze_name(reversal_id: str, number: int) -> str:
    """Name the n-th freeze of a reversal: the first is called like it. What follows a dot is no part of its id."""
    return reversal_id if number == 1 else f"{reversal_id}.{number}"


def reversal_of(freeze_id: str) -> str:
    """Return the reversal that a freeze was made for."""
    return freeze_id.partition(".")[0]


def demand_of(row: Mapping[str, Any]) -> Demand:
    """Return the demand of a row of ``freezes``, for the steps that end it."""
    return msgspec.json.decode(row["demand"], type=Demand)
