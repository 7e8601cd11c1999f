"""What the shop earned: net of tax, creators' shares, fees and losses, by source and day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storefront.core.analytics.metrics import (
    FEES,
    GROSS,
    LOSSES,
    REFUNDED_TAX,
    REFUNDS,
    SHARE,
    TAX,
)
from storefront.core.analytics.periods import Period
from storefront.core.analytics.sums import Rollups
from storefront.core.kinds import Sourced
from storefront.core.services import Services

SALES = "sales"
OTHER = "other"
EARNED = (GROSS, TAX, REFUNDS, REFUNDED_TAX, SHARE, FEES, LOSSES)
_SIGNS = {GROSS: 1, TAX: -1, SHARE: -1, FEES: -1, LOSSES: -1}
NET = "gross − tax − creators' shares − gateways' fees − losses − refunds without their tax"


@dataclass(slots=True)
class Earned:
    """What one source brought: ``earned`` of sales, and ``refunds``, what it gave back of them (≥ 0), without tax.

    ``amounts``: metric -> sum; ``counts``: how many purchases and refunds.
    """

    earned: int = 0
    refunds: int = 0
    amounts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EARNED, 0))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EARNED, 0))

    def add(self, metric: str, amount: int, count: int) -> None:
        self.amounts[metric] += amount
        self.counts[metric] += count
        self.earned += _SIGNS.get(metric, 0) * amount
        self.refunds += amount if metric == REFUNDS else -amount if metric == REFUNDED_TAX else 0

    @property
    def net(self) -> int:
        return self.earned - self.refunds


def source_of(services: Services, kind: str) -> str:
    """Return the source of what an offer of a kind sold, or of what an entry that is about no purchase moved.

    A kind that no plugin brings any more counts as sales.
    """
    offer_kind = services.figures.kinds_of_entries.get(kind, kind)
    sourced = services.kind_as(offer_kind, Sourced)
    if sourced is not None:
        return sourced.source
    return OTHER if "." in offer_kind else SALES


async def earned_by(
    services: Services, rollups: Rollups, currency: str, period: Period, *, by: tuple[str, ...] = ()
) -> dict[tuple[Any, ...], Earned]:
    """Return ``(*by, source) -> what it brought`` of a period; ``by`` are columns of the roll-ups, such as ``day``."""
    rows = await rollups.sums(EARNED, currency, period, by=(*by, "kind"))
    found: dict[tuple[Any, ...], Earned] = {}
    for row in rows:
        place = (*(row[name] for name in by), source_of(services, row["kind"]))
        found.setdefault(place, Earned()).add(row["metric"], row["amount"], row["count"])
    return found


def together(parts: Iterable[Earned]) -> Earned:
    """Return the sum of several."""
    whole = Earned()
    for part in parts:
        for metric, amount in part.amounts.items():
            whole.add(metric, amount, part.counts[metric])
    return whole


def by_source(found: Mapping[tuple[Any, ...], Earned]) -> dict[str, Earned]:
    """Return ``source -> what it brought``, over all else that it was asked by."""
    sources = sorted({place[-1] for place in found})
    return {one: together(part for place, part in found.items() if place[-1] == one) for one in sources}
