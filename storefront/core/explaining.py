"""What a gateway moved before anybody could say whose money it is, and what becomes of it once that is known."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, select

from storefront.core.accounts import clearing, unexplained
from storefront.core.claims import holder_of
from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Plan
from storefront.core.errors import NotFound, Unavailable
from storefront.core.gateway_exchange import add_legs, rate_facts, through_exchange
from storefront.core.gateway_payments import anchor_of, close_alarms, work_out
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import gateway_movements, payments

REVERSING = {"refund": -1, "refund_failure": 1, "dispute": -1, "dispute_reversal": 1}
"""Kinds of movements that take a payment's money back, or bring it back again."""


async def work_out_set_aside(services: Services, payload: Mapping[str, Any]) -> None:
    """Try a payment again that could not be worked out; then its movements are explained and its alarm is closed.

    A gateway that was taken out of the YAML is let go.
    """
    if payload["gateway"] not in services.gateways:
        return
    try:
        await work_out(services, payload["gateway"], payload["payment"])
    except NotFound as missing:
        raise Unavailable(f"Something of it is missing: {missing.detail}") from missing  # a job dies of NotFound
    await explain(services, payload["gateway"], payment=payload["payment"])
    await close_alarms(services, payload["gateway"], payload["payment"])


async def explain(services: Services, gateway: str, *, payment: str | None = None) -> int:
    """Book what stood as unexplained to ``clearing`` once its payment is known, and say how many there were.

    ``payment`` names the one whose movements are looked at; None: all are.
    """
    statement = (
        select(gateway_movements, payments.c.purchase_id)
        .join(
            payments,
            and_(payments.c.gateway == gateway, payments.c.gateway_payment == gateway_movements.c.payment),
        )
        .where(gateway_movements.c.gateway == gateway, gateway_movements.c.about.is_(None), is_of_payments())
    )
    if payment is not None:
        statement = statement.where(gateway_movements.c.payment == payment)
    explained = 0
    for row in await services.reader.scan(statement):
        if not row["amount"] or await is_explained(services, row):
            continue
        try:
            await services.engine.commit(_explaining_plan(gateway, row))
        except Taken:
            continue
        explained += 1
    return explained


async def is_explained(services: Services, row: Row) -> bool:
    """Tell whether a movement that was unexplained when it was booked is so no more."""
    return await holder_of(services.reader, _claim(row)) is not None


def is_of_payments() -> Any:
    """Return the condition of movements that belong to a payment, ours or others'."""
    return gateway_movements.c.kind.in_(("payment", *REVERSING))


def _explaining_plan(gateway: str, row: Row) -> Plan:
    """Book one movement from ``unexplained`` to where it would have gone, with its rate if it was converted."""
    anchor, settled = anchor_of(gateway), (row["currency"], row["amount"])
    presented = (row["presented_currency"] or row["currency"], row["presented_amount"] or abs(row["amount"]))
    pair = (unexplained(gateway, row["currency"]), clearing(gateway, presented[0]))
    legs, facts = [(row["amount"], *pair)], None
    if presented != (row["currency"], abs(row["amount"])):
        legs = through_exchange(gateway, settled, presented, pair)
        facts = rate_facts(settled, presented, row["exchange_rate"])
    plan = Plan(actor=anchor, anchors={anchor})
    plan.add(Claim(_claim(row), row["purchase_id"]))
    plan.entry("gateway.explained", about=row["id"], anchor=anchor, facts=facts)
    add_legs(plan, "entry", legs, anchor)
    return plan


def _claim(row: Row) -> str:
    return f"explained:{row['gateway']}:{row['id']}"
