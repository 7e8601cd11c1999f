"""Giving goods again that a reversal had taken: its refund failed at last, or its dispute was won on appeal."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.accounts import issuance
from storefront.core.commit.plan import Demand, Deposit, Forgive, GrantEntitlement, GrantItem, LotTerms, Plan
from storefront.core.reading import Query, Row
from storefront.core.refunds import TakenCredit, taken_back
from storefront.core.reversing import CREDITED
from storefront.core.services import Services
from storefront.core.tables import debts

_DEBT = Query(select(debts).where(debts.c.customer_id == bindparam("customer_id"), debts.c.asset == bindparam("asset")))


async def give_again_goods(
    services: Services, plan: Plan, purchase: Row, reversal: Mapping[str, Any], *, demand: Demand, freeze_id: str
) -> None:
    """Add to the plan what the reversal took, on the terms on which the purchase gave it; the entry is ``money``.

    What is owed because of it is struck off first, so that what comes back pays no debt that has lost its cause.
    ``freeze_id`` is the reversal's last freeze: it waits for no hold any more.
    """
    told, customer_id = taken_back(reversal), purchase["customer_id"]
    for credit in told.credits:
        if credit.owed:
            await _unowe(services, plan, purchase, credit, about=reversal["id"], freeze_id=freeze_id)
        if credit.taken:
            terms = await _terms(services, purchase, credit.asset, credit.taken)
            plan.add(Deposit("money", customer_id, credit.asset, credit.taken, issuance(credit.asset), terms))
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


async def _unowe(
    services: Services, plan: Plan, purchase: Row, credit: TakenCredit, *, about: str, freeze_id: str
) -> None:
    """Strike off what is owed because of the reversal, and give back what was repaid of it since.

    Whoever pays between this and the commit makes the plan ``Stale``: nothing is given back twice, or not at all.
    """
    customer_id, asset = purchase["customer_id"], credit.asset
    row = await services.reader.first(_DEBT, customer_id=customer_id, asset=asset)
    still = 0 if row is None else min(row["amount"], credit.owed)
    plan.entry("debt.forgiven", about=about, anchor=customer_id, label=f"debt:{asset}")
    plan.add(Forgive(f"debt:{asset}", customer_id, asset, credit.owed, expected=still, freeze_id=freeze_id))
    if credit.owed > still:
        repaid = credit.owed - still
        terms = await _terms(services, purchase, asset, repaid)
        plan.add(Deposit(f"debt:{asset}", customer_id, asset, repaid, issuance(asset), terms))


async def _terms(services: Services, purchase: Row, asset: str, amount: int) -> LotTerms:
    rows = await services.reader.all(CREDITED, entry_id=purchase["entry_id"])
    row = next(row for row in rows if row["asset"] == asset)
    cost = None if row["cost_amount"] is None else row["cost_amount"] * amount // row["amount"]
    return LotTerms(
        source=row["credited_as"],
        payment=row["payment"],
        cost_amount=cost,
        cost_currency=row["cost_currency"],
        priority=row["priority"],
        expires_at=row["expires_at"],
    )
