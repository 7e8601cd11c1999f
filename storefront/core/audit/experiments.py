"""X1, X2: who was in which variant of a price experiment, and that they paid its price."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.names import owner_of
from storefront.core.tables import (
    claims,
    customers,
    experiment_exposures,
    experiment_purchases,
    experiment_variants,
    purchases,
)


class _Price(msgspec.Struct):
    amount: int
    currency: str


class _Line(msgspec.Struct):
    unit_price: _Price | None = None


def variant_price(connection: Connection, purchase_id: str, currency: str) -> int | None:
    """Return what one unit cost in the variant under which something was bought; None if no variant set it."""
    bought, variant = experiment_purchases.c, experiment_variants.c
    statement = (
        select(variant.prices)
        .join(experiment_purchases, and_(bought.experiment == variant.experiment, bought.variant == variant.variant))
        .where(bought.purchase_id == purchase_id)
    )
    prices = connection.execute(statement).scalar()
    return None if prices is None else msgspec.json.decode(prices, type=dict[str, int]).get(currency)


@cache
def _select_exposures_are_of_variants() -> Select[Any]:
    seen, variant = experiment_exposures.c, experiment_variants.c
    name = "experiment:" + seen.experiment + ":" + seen.customer_id
    return (
        select(seen.experiment, seen.customer_id, seen.variant, variant.variant.label("known"),
               customers.c.id.label("customer"), claims.c.about)
        .join(experiment_variants, and_(variant.experiment == seen.experiment, variant.variant == seen.variant),
              isouter=True)
        .join(customers, customers.c.id == seen.customer_id, isouter=True)
        .join(claims, claims.c.key == name, isouter=True)
        .where(or_(variant.variant.is_(None), customers.c.id.is_(None), claims.c.about.is_distinct_from(seen.variant)))
    )  # fmt: skip


def exposures_are_of_variants(connection: Connection) -> Iterator[Violation]:
    """X1: an exposure is of a customer and a variant that there are, and is the one that was claimed first."""
    for row in each_row(connection, _select_exposures_are_of_variants()):
        if row.customer is None:
            fault = "there is no such customer"
        elif row.known is None:
            fault = f"there is no variant {row.variant}"
        else:
            fault = f"the claim says {row.about or 'nothing'}"
        message = f"{row.customer_id} is in {row.variant} of the experiment {row.experiment}, but {fault}"
        yield Violation("X1", (row.customer_id, row.experiment), message)


@cache
def _select_purchases_are_of_their_variants() -> Select[Any]:
    bought, seen, variant = experiment_purchases.c, experiment_exposures.c, experiment_variants.c
    return (
        select(bought.purchase_id, bought.experiment, bought.variant, seen.variant.label("seen"), variant.prices,
               variant.sku.label("about"), purchases.c.sku, purchases.c.lines)
        .select_from(experiment_purchases)
        .join(purchases, and_(purchases.c.id == bought.purchase_id,
                              purchases.c.customer_id == owner_of(bought.customer_id)), isouter=True)
        .join(experiment_exposures, and_(seen.experiment == bought.experiment,
              seen.customer_id == bought.customer_id), isouter=True)
        .join(experiment_variants, and_(variant.experiment == bought.experiment, variant.variant == bought.variant),
              isouter=True)
    )  # fmt: skip


def purchases_are_of_their_variants(connection: Connection) -> Iterator[Violation]:
    """X2: a purchase in an experiment is of its offer and its buyer, in the buyer's variant, and at its price."""
    for row in each_row(connection, _select_purchases_are_of_their_variants()):
        fault: str | None
        if row.sku is None:
            fault = "there is no such purchase of that customer"
        elif row.seen != row.variant:
            fault = f"its buyer is in {row.seen or 'no variant'}"
        elif row.about != row.sku:
            fault = f"it is of {row.sku}, not of {row.about or 'any offer'}"
        else:
            fault = _wrong_price(row.prices, row.lines)
        if fault is not None:
            message = f"purchase {row.purchase_id} is in {row.variant} of the experiment {row.experiment}, but {fault}"
            yield Violation("X2", (row.purchase_id,), message)


def _wrong_price(prices: str, lines: str) -> str | None:
    wanted = msgspec.json.decode(prices, type=dict[str, int])
    told = msgspec.json.decode(lines, type=list[_Line])
    paid = told[0].unit_price if told else None
    if paid is None or paid.currency not in wanted or wanted[paid.currency] == paid.amount:
        return None
    return f"it cost {paid.amount} {paid.currency} each, not {wanted[paid.currency]}"


CHECKS = (
    Check("X1", "Everybody in an experiment is in one variant, the first", exposures_are_of_variants),
    Check("X2", "What is bought in an experiment has its buyer's variant and price", purchases_are_of_their_variants),
)
