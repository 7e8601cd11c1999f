"""Codes as steps of a purchase's plan: counted when it begins or completes, redeemed when it is paid, else given back.

A redemption is one row per code and purchase: ``reserved`` while the purchase waits for its payment, ``redeemed`` once
it is completed, ``given_back`` when it came to nothing. Its counters move in the same commit as the row, and the row
is moved by compare-and-set, so that a use is given back once, whoever ends the purchase.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.catalog import Catalog
from storefront.core.commit.plan import Change, Claim, Insert, Plan
from storefront.core.promos.codes import PromoCodeInvalid, UsedCode, anchor_of, customer_key, first_key, uses_key
from storefront.core.promos.finding import CODE, is_over, is_switched_off
from storefront.core.quotes import Quote
from storefront.core.reading import PointReader, Query, Row
from storefront.core.services import Services
from storefront.core.tables import redemptions

RESERVED, REDEEMED, GIVEN_BACK = "reserved", "redeemed", "given_back"
_IN_LINES = '"promo_code":'
_OF_PURCHASE = Query(
    select(redemptions).where(redemptions.c.purchase_id == bindparam("purchase_id")).order_by(redemptions.c.code)
)


def has_codes(purchase: Row) -> bool:
    """Tell whether codes made a purchase cheaper: its lines say so, and nothing is read for others."""
    return _IN_LINES in purchase["lines"]


async def read_redemptions(reader: PointReader, purchase_id: str) -> Sequence[Row]:
    """Return the redemptions of a purchase."""
    return await reader.all(_OF_PURCHASE, purchase_id=purchase_id)


def use_codes(plan: Plan, quote: Quote, purchase: Row, state: str) -> None:
    """Count the codes of a quote against their limits and write their redemptions; over a limit the plan is refused."""
    for used in quote.codes:
        _count_use(plan, used, purchase["customer_id"])
        now, purchase_id, customer_id = purchase["created_at"], purchase["id"], purchase["customer_id"]
        plan.add(Claim(f"promo:{used.code}:{purchase_id}", purchase_id))
        row = {
            "purchase_id": purchase_id,
            "code": used.code,
            "name": used.terms.name,
            "customer_id": customer_id,
            "amount": quote.taken_off_by(used.code),
            "currency": quote.total.currency,
            "state": state,
            "is_counted": int(used.terms.uses is not None),
            "is_first": int(used.terms.first_purchase),
            "created_at": now,
            "updated_at": now,
        }
        plan.add(Insert("redemptions", (purchase_id, used.code), customer_id, row))
        _tell(plan, row, state)


async def redeem_codes(services: Services, plan: Plan, purchase: Row, catalog: Catalog) -> bool:
    """Redeem what a purchase had reserved, because it is completed now; False if a code may not be used any more.

    Of a purchase whose payment came late the uses were given back: they are counted again, within the limits of the
    catalog version that priced it. Over one of them the plan is refused.
    """
    if not has_codes(purchase):
        return True
    now = services.clock.now()
    for row in await read_redemptions(services.reader, purchase["id"]):
        if row["state"] == GIVEN_BACK:
            terms = catalog.promo_codes[row["name"]]
            code = await services.reader.first(CODE, code=row["code"])
            if is_over(terms, now) or is_switched_off(code):
                return False
            _count_use(plan, UsedCode(row["code"], terms), row["customer_id"])
        _move(plan, row, REDEEMED, now)
    return True


async def give_back_codes(services: Services, plan: Plan, purchase: Row) -> None:
    """Give back what a purchase had reserved, because it came to nothing."""
    if not has_codes(purchase):
        return
    for row in await read_redemptions(services.reader, purchase["id"]):
        if row["state"] == RESERVED:
            give_back(plan, row, services.clock.now())


def give_back(plan: Plan, row: Row, now: int) -> None:
    """Give one use back: its counters and its row."""
    customer_id, code = row["customer_id"], row["code"]
    if row["is_counted"]:
        plan.anchors.add(anchor_of(code))
        plan.count(uses_key(code), anchor=anchor_of(code), by=-1)
    plan.count(customer_key(row["name"], customer_id), anchor=customer_id, by=-1)
    if row["is_first"]:
        plan.count(first_key(customer_id), anchor=customer_id, by=-1)
    _move(plan, row, GIVEN_BACK, now)


def _count_use(plan: Plan, used: UsedCode, customer_id: str) -> None:
    """Count one use. Only a code whose uses in all are limited has an anchor that its users would wait for."""
    terms, code = used.terms, used.code
    if terms.uses is not None:
        plan.anchors.add(anchor_of(code))
        refusal = PromoCodeInvalid("used_up")
        plan.count(uses_key(code), anchor=anchor_of(code), at_most=terms.uses, refusal=refusal)
    refusal = PromoCodeInvalid("used_by_you")
    plan.count(customer_key(terms.name, customer_id), anchor=customer_id, at_most=terms.per_customer, refusal=refusal)
    if terms.first_purchase:
        refusal = PromoCodeInvalid("not_first_purchase")
        plan.count(first_key(customer_id), anchor=customer_id, at_most=1, refusal=refusal)


def _move(plan: Plan, row: Row, to: str, now: int) -> None:
    key = (row["purchase_id"], row["code"])
    expect = {"state": row["state"], "updated_at": row["updated_at"]}
    plan.add(Change("redemptions", key, row["customer_id"], expect, {"state": to, "updated_at": now}))
    _tell(plan, row, to)


def _tell(plan: Plan, row: Row, state: str) -> None:
    payload: dict[str, Any] = {
        "purchase_id": row["purchase_id"],
        "customer_id": row["customer_id"],
        "code": row["code"],
        "name": row["name"],
        "discount": {"amount": row["amount"], "currency": row["currency"]},
    }
    plan.emit(f"promo_code.{state}", anchor=row["customer_id"], subject=row["purchase_id"], payload=payload)
