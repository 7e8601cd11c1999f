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


LONGEST_PAUSE = 20 * DAY
"""For how long a customer may pause; then it goes on by itself."""


@dataclass(slots=True)
class Life:
    """One subscriber's log: ``deeds`` are ``(instant, what)``, in order, ``paid`` the instants of payments.

    What is done: ``ends`` (with its period), ``stays`` (that is taken back), ``leaves`` (now), ``refunds`` and
    ``loses`` (a dispute) of the payment that is newest then, ``earlier`` (a refund of the one before it), ``bad card``,
    ``lost card``, ``good card``, ``pauses`` (with its period) and ``pauses now``, if that was granted. ``stays`` also
    takes a pause back, or lets it go on.
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
    said = Said(life, since)
    while since <= horizon:
        at_once = next((at for at, what in life.deeds if since <= at < end and what == "pauses now"), None)
        until = end if at_once is None else at_once
        cut = _over_before(life, since, until, present)
        said.play(until)
        if cut is not None or said.ends:
            return [*spans, (since, end if cut is None else cut)]
        if said.pauses or at_once is not None:
            spans.append((since, until))
            paid = _resumed(life, until, payments, down, horizon, present)
            if paid is None:
                return spans
            anchor = present = since = paid
            period, end, said = 0, month_after(anchor, 1), Said(life, since)
            continue
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


@dataclass(slots=True)
class Said:
    """What is to happen when a period is over, by the deeds since ``heard_to``: one word takes one thing back."""

    life: Life
    heard_to: int
    ends: bool = False
    pauses: bool = False

    def play(self, until: int) -> None:
        for at, what in self.life.deeds:
            if not self.heard_to <= at < until:
                continue
            self.ends = what == "ends" or (self.ends and what != "stays")
            if what == "pauses":
                self.pauses = True
            elif what == "stays" and not self._took_back_an_end(at):
                self.pauses = False
        self.heard_to = until

    def _took_back_an_end(self, before: int) -> bool:
        return _said_last(self.life, ("ends", "stays"), before) == "ends"


def _resumed(
    life: Life, began: int, payments: list[int], down: tuple[int, int], horizon: int, present: int | None
) -> int | None:
    """Return when a pause that began then is over: its period is paid, and begins; None if that never is."""
    asked = next((at for at, what in life.deeds if at >= began and what == "stays"), None)
    by_itself = began + LONGEST_PAUSE
    due = min(by_itself, by_itself if asked is None else asked)
    due = down[1] if down[0] <= due < down[1] else due
    if due > horizon or _over_before(life, began, due, present, is_due=True) is not None:
        return None
    paid = payments.pop(0) if payments else None
    given_up = _given_up(life, due, paid, down, is_trial=False)
    stop = min(x for x in (paid, given_up, horizon + 1) if x is not None)
    if _over_before(life, due, stop, present, is_due=True) is not None or paid is None:
        return None
    return None if given_up is not None and given_up < paid else paid


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
