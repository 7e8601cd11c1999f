"""What a payment costs, and how long its money is on its way: averages over the newest payments, for ``/metrics``.

They are averages over so many payments that they tell neither a turnover nor anybody's own payment. The newest
are taken, and not those of some days, because their ids give them in order: however old a shop is, a reading costs
the same.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, func, select

from storefront.core.clock import SECOND_MS
from storefront.core.gateways import BalanceKind
from storefront.core.services import Services
from storefront.core.tables import gateway_movements, payments

NEWEST = 500


@dataclass(frozen=True, slots=True)
class PaymentCost:
    """Averages over the newest payments of one gateway that are settled in one currency.

    ``fee_minor`` is what the gateway kept per payment, its fees for refunds and disputes of these payments included;
    ``percent`` the same of what was paid. ``clearing_seconds`` (business time) goes from the gateway's taking the
    money to its standing in the gateway's balance in our books.
    """

    gateway: str
    currency: str
    payments: int
    fee_minor: float
    percent: float
    clearing_seconds: float


async def read_payment_costs(services: Services) -> list[PaymentCost]:
    """Read the averages; payments that no movement of the gateway's books shows yet are left out."""
    newest = (
        select(payments.c.gateway, payments.c.gateway_payment, payments.c.id)
        .where(payments.c.gateway_payment.is_not(None))
        .order_by(payments.c.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    moves = gateway_movements.c
    is_paid = moves.kind == str(BalanceKind.PAYMENT)
    columns: list[Any] = [
        func.count(case((is_paid, newest.c.id))).label("n"),
        func.sum(moves.fee).label("fees"),
        func.sum(case((is_paid, moves.amount), else_=0)).label("paid"),
        func.sum(case((is_paid, moves.booked_at - moves.created_at), else_=0)).label("waited"),
    ]
    of_payment = and_(moves.gateway == newest.c.gateway, moves.payment == newest.c.gateway_payment)
    statement = select(moves.gateway, moves.currency, *columns).select_from(newest).join(gateway_movements, of_payment)
    found = await services.reader.scan(statement.group_by(moves.gateway, moves.currency).order_by(moves.gateway))
    return [
        PaymentCost(
            row["gateway"],
            row["currency"],
            row["n"],
            fee_minor=float(row["fees"] / row["n"]),
            percent=float(100 * row["fees"] / row["paid"]) if row["paid"] else 0.0,
            clearing_seconds=max(0.0, float(row["waited"] / row["n"]) / SECOND_MS),
        )
        for row in found
        if row["n"]
    ]
