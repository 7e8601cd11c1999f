"""Giving goods again that a reversal had taken: its refund failed at last, or its dispute was won on appeal."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.accounts import issuance
from storefront.core.commit.plan import Demand, Deposit, Forgive, GrantEntitlement, GrantItem, LotTerms, Plan
from storefront.core.kinds import as_gift
from storefront.core.purchasing import receiver_of
from storefront.core.reading import Query, Row
from storefront.core.refunds import TakenBack, TakenCredit, taken_back
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
    told, receiver_id = taken_back(reversal), receiver_of(purchase)
    for credit in told.credits:
        await _unowe(services, plan, purchase, told, credit, about=reversal["id"], freeze_id=freeze_id)
        others = [one for one in told.elsewhere if one.asset == credit.asset]
        shares = [(one.customer_id, one.taken) for one in others]
        own = credit.taken - sum(one.taken for one in others)
        for owner, amount in [(receiver_id, own), *shares]:
            if amount:
                terms = await _terms(services, purchase, credit.asset, amount, is_own=owner == receiver_id)
                plan.anchors.add(owner)
                plan.add(Deposit("money", owner, credit.asset, amount, issuance(credit.asset), terms))
    for item in told.items:
        if item.taken:
            plan.add(GrantItem(receiver_id, item.sku, item.taken, reversal["id"], cause="given_again"))
    if told.entitlements:
        offer = (await services.catalogs.version(purchase["catalog_version"])).offer(purchase["sku"])
        for key in told.entitlements:
            plan.add(
                GrantEntitlement(
                    receiver_id,
                    key,
                    offer.grants.get(key, True),
                    source_type="purchase",
                    source_id=purchase["id"],
                    sku=offer.sku,
                    given_by=None if purchase["recipient_id"] is None else purchase["customer_id"],
                )
            )


async def _unowe(
    services: Services,
    plan: Plan,
    purchase: Row,
    told: TakenBack,
    credit: TakenCredit,
    *,
    about: str,
    freeze_id: str,
) -> None:
    """Strike off what is owed because of the reversal, and give back what was repaid of it since, to who owed it.

    Whoever pays between this and the commit makes the plan ``Stale``: nothing is given back twice, or not at all.
    """
    buyer_id, receiver_id, asset = purchase["customer_id"], receiver_of(purchase), credit.asset
    of_receiver = told.receiver_owes.get(asset, 0)
    for owner, owed in ((buyer_id, credit.owed - of_receiver), (receiver_id, of_receiver)):
        if not owed:
            continue
        row = await services.reader.first(_DEBT, customer_id=owner, asset=asset)
        still, label = 0 if row is None else min(row["amount"], owed), f"debt:{owner}:{asset}"
        plan.entry("debt.forgiven", about=about, anchor=buyer_id, label=label)
        plan.add(Forgive(label, owner, asset, owed, expected=still, freeze_id=freeze_id))
        if owed > still:
            repaid = owed - still
            terms = await _terms(services, purchase, asset, repaid, is_own=owner == receiver_id)
            plan.add(Deposit(label, owner, asset, repaid, issuance(asset), terms))


async def _terms(services: Services, purchase: Row, asset: str, amount: int, *, is_own: bool) -> LotTerms:
    """Return the terms on which the purchase gave an asset; to others than its receiver it comes as a gift."""
    rows = await services.reader.all(CREDITED, entry_id=purchase["entry_id"])
    row = next(row for row in rows if row["asset"] == asset)
    cost = None if row["cost_amount"] is None else row["cost_amount"] * amount // row["amount"]
    return LotTerms(
        source=row["credited_as"] if is_own else as_gift(row["credited_as"]),
        payment=row["payment"],
        cost_amount=cost,
        cost_currency=row["cost_currency"],
        priority=row["priority"],
        expires_at=row["expires_at"],
    )
