"""What of subscriptions moves when two customers become one. Who has two of one family has to end one first."""

from collections.abc import Mapping
from typing import Any

from storefront.core.commit.merging import Hindrance, Moves, Parties, Row
from storefront_subscriptions.tables import (
    carried,
    carries,
    changes,
    credits,
    current,
    finals,
    gifts,
    invoices,
    pauses,
    subscriptions,
    usage,
)

_BY_SUBSCRIPTION = "subscription_id IN (SELECT id FROM subscriptions WHERE customer_id = '{customer}')"


def _final_open(row: Row, parties: Parties) -> Hindrance | None:
    if row["state"] == "open":
        return Hindrance("final_invoice", row["id"], "Wait until it is paid, or given up.")
    return None


def _change_open(row: Row, parties: Parties) -> Hindrance | None:
    if row["state"] == "open":
        return Hindrance("subscription_change", row["id"], "Wait until it is paid and done, or cancel it.")
    return None


def _add_up(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    return {**theirs, "amount": row["amount"] + theirs["amount"]}


def _receiver(row: Row) -> str:
    return str(row["customer_id"])


MOVES: tuple[Moves, ...] = (
    Moves(invoices, where=_BY_SUBSCRIPTION),
    Moves(pauses, where=_BY_SUBSCRIPTION),
    Moves(usage, where=_BY_SUBSCRIPTION),
    Moves(subscriptions),
    Moves(current, noun="subscription"),
    Moves(changes, hinders=_change_open),
    Moves(carried, join=_add_up),
    Moves(carries),
    Moves(credits),
    Moves(gifts),
    Moves(gifts, column="giver_id", anchor=_receiver),
    Moves(finals, hinders=_final_open),
)
