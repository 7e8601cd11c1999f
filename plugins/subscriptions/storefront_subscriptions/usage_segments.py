"""Which hours of a subscription's life are charged by which tier. Pure: the same rows give the same segments.

Meters add up by UTC hours, periods begin at any millisecond. So every hour is charged once: the one in which a renewal
falls belongs to the newer period, the one in which a tier changes to the older tier, the one in which a pause begins to
the period before it, the one in which it ends to the period after it, if they are two, and that in which a
subscription begins to nobody. Of a renewal that is not paid the hours count as long as it went on by grace.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from storefront.core.clock import HOUR_MS
from storefront.core.config.model_usage import Charge
from storefront_subscriptions.intervals import Interval, period

Charges = Mapping[str, Charge]
Tiers = Mapping[tuple[str, str], Charges]
"""(tier, catalog version) → feature → what it costs."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Full hours ``[start, end)`` (business ms) of one period, charged by one tier as of one catalog version.

    A tier that charges for usage as the one before it did goes on with its segment.

    Of what the tier includes in a period there is as much as its part of the whole one: ``length / whole``, both to the
    millisecond. A running segment ends, so far, with the hour that runs.
    """

    period: int
    sku: str
    catalog_version: str
    start: int
    end: int
    length: int
    whole: int
    charges: Charges

    def until(self, instant: int | None) -> "Segment | None":
        """Return it up to the hour of an instant (business ms); None where nothing is left. What is free stays."""
        end = self.end if instant is None else min(self.end, _up(instant))
        return replace(self, end=end) if self.start < end else None

    def included(self, charge: Charge) -> int:
        """Return how much is free in it, in millionths of a unit, rounded down."""
        return charge.included * min(self.length, self.whole) // self.whole

    def cost(self, charge: Charge, quantity: int) -> int:
        """Return what a quantity (millionths) costs in it, in 10^-12 of the smallest unit."""
        return replace(charge, included=self.included(charge)).cost(quantity)


def segments_of(
    invoices: Sequence[Mapping[str, Any]],
    changes: Sequence[Mapping[str, Any]],
    tiers: Tiers,
    until: int,
    *,
    over: int | None = None,
) -> Iterator[Segment]:
    """Yield the segments of what was had of periods (their invoices, in order) with the hour of an instant.

    ``changes`` are those that were done at once, in order: one that began a period of its own has an invoice. ``over``
    is when a subscription that has ended was had no more. Trials have none.
    """
    had = list(_had(invoices, changes))
    until = until if over is None else min(until, over)
    taken = 0
    for at, one in enumerate(had):
        after = had[at + 1] if at + 1 < len(had) else None
        begins = max(taken, _up(one["period_start"]) if at == 0 else _down(one["period_start"]))
        taken = max(begins, _ends(one, after, is_last=over is not None))
        within = _within(changes, one) if one["state"] == "paid" else []
        yield from _of_period(one, within, tiers, (begins, taken), _up(until))


def _had(invoices: Sequence[Mapping[str, Any]], changes: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the invoices of periods that were had: paid, or not paid and had by grace, for as long as that was.

    A renewal that is not paid follows a paid period at once. It is had by the tier that was paid before: what it would
    bring comes with its payment only. After a pause nothing is had before it is paid. How long a closed one was had
    stands on it: what its tier includes of that is decided then, whatever ends access sooner later on.
    """
    before: Mapping[str, Any] | None = None
    for one in invoices:
        if one["state"] == "paid":
            before = one
            if one["period"] >= 0:
                yield one
        elif before is not None and one["period_start"] == before["period_end"]:
            holder = [before, *_within(changes, before)][-1]
            had = {**one, "sku": holder["sku"], "catalog_version": holder["catalog_version"]}
            # A grace may be longer than the period; what is not closed is asked with the periods that are made up for.
            end = one["period_end"] if one["had_until"] is None else one["had_until"]
            if end != one["period_end"]:
                had |= {"period_end": end, "uncut_end": one["period_end"]}
            if end > one["period_start"]:
                yield had


def _within(changes: Sequence[Mapping[str, Any]], invoice: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the changes of tier within a period."""
    return [change for change in changes if change["period"] == invoice["period"] and not change["invoice_id"]]


def _ends(one: Mapping[str, Any], after: Mapping[str, Any] | None, *, is_last: bool) -> int:
    """Return where the hours of a period end: with that in which a change or a pause cuts it, or before its renewal.

    Between two periods that do not follow each other there was a pause. The last hour of what is over is nobody
    else's (``is_last``: nothing follows any more).
    """
    is_alone = is_last if after is None else after["period_start"] != one["period_end"]
    return _up(one["period_end"]) if is_alone or one["uncut_end"] is not None else _down(one["period_end"])


def asked_until(invoices: Sequence[Mapping[str, Any]], changes: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
    """Return, by asset, when the newest invoice was written that asked for what was used (business ms).

    One that is paid by a gift asks for nothing, and one that a change at once has written for no usage. What a void
    one asked for is asked for anew.
    """
    begun = {change["invoice_id"] for change in changes}
    found: dict[str, int] = {}
    for one in invoices:
        if one["state"] in ("open", "paid") and one["gift_id"] is None and one["id"] not in begun:
            found[one["currency"]] = max(found.get(one["currency"], 0), one["created_at"])
    return found


def _of_period(
    invoice: Mapping[str, Any], changes: Sequence[Mapping[str, Any]], tiers: Tiers, hours: tuple[int, int], until: int
) -> Iterator[Segment]:
    begins, ends = hours
    number = invoice["period"] - invoice["anchor_period"]
    whole = period(invoice["anchor"], Interval.parse(invoice["interval"]), number).total
    holders = [(int(invoice["period_start"]), invoice)]
    for change in changes:
        if tiers[_tier(change)] != tiers[_tier(holders[-1][1])]:
            holders.append((int(change["at"]), change))
    instants = [instant for instant, _ in holders] + [int(invoice["period_end"])]
    edges = [begins, *(min(max(_up(instant), begins), ends) for instant in instants[1:-1]), ends]
    for at, (_, holder) in enumerate(holders):
        start, end = edges[at], min(edges[at + 1], until)
        if start < end:
            length = instants[at + 1] - instants[at]
            yield Segment(invoice["period"], *_tier(holder), start, end, length, whole, tiers[_tier(holder)])


def _tier(agreed: Mapping[str, Any]) -> tuple[str, str]:
    return agreed["sku"], agreed["catalog_version"]


def _down(instant: int) -> int:
    return instant - instant % HOUR_MS


def _up(instant: int) -> int:
    return -(-instant // HOUR_MS) * HOUR_MS
