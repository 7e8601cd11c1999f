"""Giving goods again that a reversal had taken: its refund failed at last, or its dispute was won on appeal."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, bindparam, select

from storefront.core.accounts import issuance
from storefront.core.commit.plan import (
    Demand,
    Deposit,
    GrantEntitlement,
    GrantItem,
    LotPart,
    LotTerms,
    Plan,
    WalletDemand,
)
from storefront.core.reading import Query, Row
from storefront.core.refunds import TakenCredit, taken_back
from storefront.core.reversing import CREDITED
from storefront.core.services import Services
from storefront.core.settlement import add_alarm
from storefront.core.tables import credits, entries, transfers

_GIVEN_AGAIN = Query(
    select(credits.c.entry_id, transfers.c.asset, credits.c.lot_id, credits.c.amount)
    .join(transfers, and_(transfers.c.entry_id == credits.c.entry_id, transfers.c.position == credits.c.transfer))
    .join(entries, entries.c.id == credits.c.entry_id)
    .where(entries.c.anchor == bindparam("anchor"), entries.c.about == bindparam("about"))
    .order_by(credits.c.entry_id.desc())
)


async def give_again_goods(
    services: Services, plan: Plan, purchase: Row, reversal: Mapping[str, Any], demand: Demand
) -> None:
    """Add to the plan what the reversal took, on the terms on which the purchase gave it; the entry is ``money``.

    What was owed instead stays owed: an alarm asks the operator, who knows what was repaid since.
    """
    told, customer_id = taken_back(reversal), purchase["customer_id"]
    for credit in told.credits:
        if credit.taken:
            terms = await _terms(services, purchase, credit)
            plan.add(Deposit("money", customer_id, credit.asset, credit.taken, issuance(credit.asset), terms))
        if credit.owed:
            facts = {"asset": credit.asset, "owed": credit.owed}
            add_alarm(services, plan, "debt_without_cause", reversal["id"], facts)
    for item in told.items:
        if item.taken:
            plan.add(GrantItem(customer_id, item.sku, item.taken, reversal["id"], cause="given_again"))
    if told.entitlements:
        offer = (await services.catalogs.version(purchase["catalog_version"])).offer(purchase["sku"])
        for key in told.entitlements:
            plan.add(
                GrantEntitlement(
                    customer_id,
                    key,
                    offer.grants.get(key, True),
                    source_type="purchase",
                    source_id=purchase["id"],
                    sku=offer.sku,
                )
            )


async def given_again_of(services: Services, reversal: Row, demand: Demand) -> Demand:
    """Ask back the value that a reversal gave again instead of what the purchase gave: that was taken already."""
    rows = await services.reader.all(_GIVEN_AGAIN, anchor=reversal["customer_id"], about=reversal["id"])
    parts: dict[str, list[LotPart]] = {}
    for row in rows:
        if row["entry_id"] != rows[0]["entry_id"]:
            continue  # it was given again before, and taken again since
        parts.setdefault(row["asset"], []).append(LotPart(row["lot_id"], row["amount"]))
    wallets = tuple(
        WalletDemand(asset, tuple(found), sum(part.amount for part in found)) for asset, found in parts.items()
    )
    return replace(demand, original=None, wallets=wallets)


async def _terms(services: Services, purchase: Row, credit: TakenCredit) -> LotTerms:
    rows = await services.reader.all(CREDITED, entry_id=purchase["entry_id"])
    row = next(row for row in rows if row["asset"] == credit.asset)
    cost = None if row["cost_amount"] is None else row["cost_amount"] * credit.taken // row["amount"]
    return LotTerms(
        source=row["credited_as"],
        payment=row["payment"],
        cost_amount=cost,
        cost_currency=row["cost_currency"],
        priority=row["priority"],
        expires_at=row["expires_at"],
    )
