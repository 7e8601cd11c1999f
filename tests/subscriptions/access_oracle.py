"""An oracle of access: from what was done and paid alone it says when there is access, by the spec's table.

It knows nothing of the plugin: no rows of it, no code of it; only the tiers' terms, the log of deeds, and the instants
at which money was taken, as the gateway's and the wallet's own books have them. Instants are seconds.
"""

from bisect import bisect_right
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime

DAY = 86_400
GRACE = 7 * DAY
RETRIES = (1 * DAY, 2 * DAY)
"""Short, so that giving up comes within the grace: then access ends with it, not with the grace."""


@dataclass(slots=True)
class Life:
    """One subscriber's log: ``deeds`` are ``(instant, what)``, in order, ``paid`` the instants of payments.

    What is done: ``ends`` (with its period), ``stays`` (that is taken back), ``leaves`` (now), ``refunds`` and
    ``loses`` (a dispute) of the payment that is newest then, ``earlier`` (a refund of the one before it), ``bad card``,
    ``lost card``, ``good card``.
    """

    began: int
    trial: int = 0
    has_card: bool = True
    deeds: list[tuple[int, str]] = field(default_factory=list)
    paid: list[int] = field(default_factory=list)


def month_after(anchor: int, count: int) -> int:
    """Return the same day and time so many months later, or the last day of a month that lacks it."""
    moment = datetime.fromtimestamp(anchor, UTC)
    year, month = moment.year + (moment.month - 1 + count) // 12, (moment.month - 1 + count) % 12 + 1
    day = min(moment.day, monthrange(year, month)[1])
    return round(moment.replace(year=year, month=month, day=day).timestamp())


def access_of(life: Life, down: tuple[int, int], horizon: int) -> list[tuple[int, int]]:
    """Return the spans ``[start, end)`` of access, in order, and none beyond the horizon.

    ``down`` is when the server was down: what it would have done then, it does when it is back.
    """
    payments = list(life.paid)
    if life.trial:
        anchor = end = life.began + life.trial
        period = -1
    else:
        if not payments:
            return []
        anchor, period = payments.pop(0), 0
        end = month_after(anchor, 1)
    spans, since, present = [], anchor if not life.trial else life.began, anchor if not life.trial else None
    while since <= horizon:
        cut = _over_before(life, since, end, present)
        if cut is not None:
            return [*spans, (since, cut)]
        if _said_last(life, ("ends", "stays"), end) == "ends":
            return [*spans, (since, end)]
        grace = end + GRACE
        paid = payments.pop(0) if payments else None
        given_up = _given_up(life, max(end, since), paid, down, is_trial=period < 0)
        stop = min(x for x in (paid, given_up, horizon + 1) if x is not None)
        cut = _over_before(life, end, stop, present, is_due=True)
        if cut is not None:
            return [*spans, (since, max(since, min(grace, cut)))]
        if paid is None or (given_up is not None and given_up < paid):
            last = end if period < 0 and _is_hard(life, end, down) else min(grace, given_up or grace)
            return [*spans, (since, last)]
        if since < min(grace, paid):
            spans.append((since, min(grace, paid)))
        period, present, since = period + 1, paid, paid
        end = month_after(anchor, period + 1)
    return spans


def has_access(spans: list[tuple[int, int]], instant: float) -> bool:
    at = bisect_right(spans, (instant, float("inf"))) - 1
    return at >= 0 and spans[at][0] <= instant < spans[at][1]


def _over_before(life: Life, since: int, until: int, present: int | None, *, is_due: bool = False) -> int | None:
    """Return when a deed ends all at once, in ``[since, until)``; what is due has no period to end with."""
    fatal = {"leaves"} | ({"refunds", "loses"} if present is not None else set()) | ({"ends"} if is_due else set())
    return next((at for at, what in life.deeds if since <= at < until and what in fatal), None)


def _said_last(life: Life, words: tuple[str, ...], before: int) -> str | None:
    said = [what for at, what in life.deeds if at < before and what in words]
    return said[-1] if said else None


def _given_up(life: Life, due: int, paid: int | None, down: tuple[int, int], *, is_trial: bool) -> int | None:
    """Return when the last attempt fails, or the first for good after a trial; None where somebody waits, or paid."""
    attempt = due
    for number, wait in enumerate((*RETRIES, None)):
        if down[0] <= attempt < down[1]:
            attempt = down[1]
        if paid is not None and paid <= attempt:
            return None
        if _is_hard(life, attempt, down):
            return attempt if is_trial and number == 0 else None
        if wait is None:
            return attempt
        attempt += wait
    return None


def _is_hard(life: Life, at: int, down: tuple[int, int]) -> bool:
    at = down[1] if down[0] <= at < down[1] else at
    last = _said_last(life, ("bad card", "lost card", "good card"), at + 1)
    return last == "lost card" or (last is None and not life.has_card)


def changes(spans: list[tuple[int, int]]) -> list[int]:
    """Return the instants at which access begins or ends."""
    return sorted({instant for span in spans for instant in span})
