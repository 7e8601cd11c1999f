"""What events of subscriptions count as in analytics: recurring revenue, and what dunning brought. Pure."""

from collections.abc import Iterator, Sequence

from storefront.core.analytics.metrics import MEMBERSHIPS, Counted, Figure, Figures, Standing, Told

DUNNING = "subscriptions_dunning"
FAILED, RECOVERED, GIVEN_UP = "failed", "recovered", "given_up"
_FAILED_EVENT = "subscription.renewal_failed"
_ENDED_EVENT = "subscription.canceled"
_PAID_EVENTS = frozenset({"subscription.started", "subscription.renewed", "subscription.resumed"})
STANDING_EVENTS = _PAID_EVENTS | {
    "subscription.trial_started",
    "subscription.changed",
    "subscription.paused",
    _FAILED_EVENT,
    _ENDED_EVENT,
    "subscription.incomplete_expired",
}
"""Events of commits that compare the subscription with what they were decided by: what they tell is how it stands."""


def standing_of(told: Told) -> Standing | None:
    """Return what a subscription comes to a month after an event; None of one that does not say (of older versions)."""
    monthly = told.data.get("monthly")
    if monthly is None:
        return None
    return Standing(told.subject, told.data["customer_id"], monthly["currency"], monthly["amount"])


def count(told: Told) -> Sequence[Counted]:
    """Return what an event says of renewals that failed at first: of a trial's or first period's charge, nothing."""
    return list(_count(told))


def _count(told: Told) -> Iterator[Counted]:
    data = told.data
    if told.type == _ENDED_EVENT:
        if data.get("uncollectible"):
            yield _counted(GIVEN_UP, data["uncollectible"])
    elif data.get("period", 0) > 0 and data["amount"]["amount"] > 0:
        if told.type == _FAILED_EVENT and data["failures"] == 1:
            yield _counted(FAILED, data["amount"])
        elif told.type in _PAID_EVENTS and data["attempts"] > 1:
            yield _counted(RECOVERED, data["amount"])


def _counted(kind: str, money: dict[str, int | str]) -> Counted:
    amount, currency = money["amount"], money["currency"]
    assert isinstance(amount, int), "an amount is a whole number"
    return Counted(DUNNING, str(currency), kind, amount=amount)


FIGURES = Figures(
    figures=(
        Figure(
            DUNNING,
            MEMBERSHIPS,
            "money",
            "renewals that failed at first; recovered: paid by a later attempt; given up: it ended the subscription",
        ),
    ),
    standing_events=STANDING_EVENTS,
    standing=standing_of,
    count_events=_PAID_EVENTS | {_FAILED_EVENT, _ENDED_EVENT},
    count=count,
)
