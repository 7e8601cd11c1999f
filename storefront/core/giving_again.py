"""Giving goods again that a reversal had taken: its refund failed at last, or its dispute was won on appeal."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.accounts import issuance
from storefront.core.commit.item_terms import ItemTerms, terms_of
from storefront.core.commit.plan import (
    Demand,
    Deposit,
    EndOf,
    Forgive,
    GrantEntitlement,
    GrantItem,
    LotTerms,
    Plan,
)
from storefront.core.given import CREDITED
from storefront.core.kinds import as_gift
from storefront.core.opened import find_became
from storefront.core.purchasing import give_goods, read_payment, receiver_of
from storefront.core.reading import Query, Row
from storefront.core.refunds import TakenBack, TakenCredit, TakenItem, taken_back
from storefront.core.services import Services
from storefront.core.tables import debts, item_instances
from storefront.core.taken_credits import by_asset
from storefront.core.unpacking import parts_of

REWARD = "reward"
"""As what currency comes out of things that are opened."""
_DEBT = Query(select(debts).where(debts.c.customer_id == bindparam("customer_id"), debts.c.asset == bindparam("asset")))
_TAKEN_FOR = Query(
    select(item_instances.c.id)
    .where(
        item_instances.c.customer_id == bindparam("customer_id"),
        item_instances.c.sku == bindparam("sku"),
        item_instances.c.taken_for == bindparam("about"),
    )
    .order_by(item_instances.c.number)
)


async def give_again_goods(
    services: Services,
    plan: Plan,
    purchase: Row,
    reversal: Mapping[str, Any],
    *,
    demand: Demand,
    freeze_ids: tuple[str, ...],
) -> None:
    """Add to the plan what the reversal took, on the terms on which the purchase gave it; the entry is ``money``.

    What is owed because of it is struck off first, so that what comes back pays no debt that has lost its cause.
    ``freeze_ids`` are all the reversal's freezes: they wait for no hold any more.
    """
    told, receiver_id = taken_back(reversal), receiver_of(purchase)
    struck: Counter[tuple[str, str]] = Counter()
    for credit in by_asset(told):
        opening = _opening(told, credit)
        await _unowe(
            services,
            plan,
            purchase,
            told,
            credit,
            struck=struck,
            about=reversal["id"],
            freeze_ids=freeze_ids,
            opening=opening,
        )
        others = [one for one in told.elsewhere if one.asset == credit.asset and opening is None]
        shares = [(one.customer_id, one.taken, None) for one in others]
        own = _own_parts(told, credit, less=sum(one.taken for one in others))
        for owner, amount, source in [*((receiver_id, part, name) for name, part in own), *shares]:
            if amount:
                is_own = owner == receiver_id
                terms = await _terms(
                    services, purchase, credit.asset, amount, is_own=is_own, opening=opening, source=source
                )
                plan.anchors.add(owner)
                plan.add(Deposit("money", owner, credit.asset, amount, issuance(credit.asset), terms))
    for item in told.items:
        if item.taken:
            plan.add(await _item_again(services, demand, item, customer_id=receiver_id, about=reversal["id"]))
    await give_rights_again(services, plan, purchase, told.entitlements, terms=demand.terms)
    for name in told.openings:
        became = await find_became(services.reader, services.kinds, name)
        for key, value in {} if became is None else became.rights.items():
            plan.add(GrantEntitlement(receiver_id, key, value, source_type="opening", source_id=name))


async def give_rights_again(
    services: Services, plan: Plan, purchase: Row, keys: Iterable[str], *, terms: Mapping[str, ItemTerms]
) -> None:
    """Give rights again that ended: each from the offer that grants it, which of a bundle may be one inside.

    ``terms`` are those of the items that were taken.
    """
    catalog = await services.catalogs.version(purchase["catalog_version"])
    sold = catalog.offer(purchase["sku"])
    inside = [part.offer for part in parts_of(catalog, services.kinds, sold, purchase["currency"])]
    for key in keys:
        offer = next((offer for offer in (sold, *reversed(inside)) if key in offer.grants), sold)
        is_timed = key in terms_of(terms, offer.sku).rights
        plan.add(
            GrantEntitlement(
                receiver_of(purchase),
                key,
                offer.grants.get(key, True),
                source_type="purchase",
                source_id=purchase["id"],
                sku=offer.sku,
                expires_at=EndOf(offer.sku) if is_timed else None,
                given_by=None if purchase["recipient_id"] is None else purchase["customer_id"],
            )
        )


def _own_parts(told: TakenBack, credit: TakenCredit, *, less: int) -> list[tuple[str, int]]:
    """Return ``(source, amount)`` of what was taken from the receiver: each comes back as what it was given.

    ``less`` was taken from others, as far as it was bought.
    """
    parts = []
    for one in told.credits:
        if one.asset == credit.asset and _opening(told, one) == _opening(told, credit):
            of_others = min(less, one.taken)
            less -= of_others
            parts.append((one.source, one.taken - of_others))
    return parts


async def _item_again(
    services: Services, demand: Demand, item: TakenItem, *, customer_id: str, about: str
) -> GrantItem:
    """Give items again: what lasts gets its time back, unique ones are the very same."""
    terms = terms_of(demand.terms, item.sku)
    instances: tuple[str, ...] = ()
    if terms.is_unique:
        rows = await services.reader.all(_TAKEN_FOR, customer_id=customer_id, sku=item.sku, about=about)
        instances = tuple(row["id"] for row in rows)
    return GrantItem(customer_id, item.sku, item.taken, about, cause="given_again", terms=terms, instances=instances)


async def _unowe(
    services: Services,
    plan: Plan,
    purchase: Row,
    told: TakenBack,
    credit: TakenCredit,
    *,
    struck: Counter[tuple[str, str]],
    about: str,
    freeze_ids: tuple[str, ...],
    opening: str | None,
) -> None:
    """Strike off what is owed because of the reversal, and give back what was repaid of it since, to who owed it.

    ``struck`` is what this plan has struck off so far, by (customer, asset).

    Whoever pays between this and the commit makes the plan ``Stale``: nothing is given back twice, or not at all.
    """
    buyer_id, receiver_id, asset = purchase["customer_id"], receiver_of(purchase), credit.asset
    of_receiver = told.owed_by_receiver(credit)
    for owner, owed in ((buyer_id, credit.owed - of_receiver), (receiver_id, of_receiver)):
        if not owed:
            continue
        row = await services.reader.first(_DEBT, customer_id=owner, asset=asset)
        still = 0 if row is None else min(row["amount"] - struck[owner, asset], owed)
        struck[owner, asset] += still
        label = f"debt:{credit.source}:{owner}:{asset}"
        plan.entry("debt.forgiven", about=about, anchor=buyer_id, label=label)
        plan.add(Forgive(label, owner, asset, owed, expected=still, freeze_ids=freeze_ids))
        if owed > still:
            repaid, is_own = owed - still, owner == receiver_id
            terms = await _terms(services, purchase, asset, repaid, is_own=is_own, opening=opening)
            plan.add(Deposit(label, owner, asset, repaid, issuance(asset), terms))


def _opening(told: TakenBack, credit: TakenCredit) -> str | None:
    """Return what a credit came from, if it was no purchase but what its items became."""
    return credit.source if credit.source in told.openings else None


async def _terms(
    services: Services,
    purchase: Row,
    asset: str,
    amount: int,
    *,
    is_own: bool,
    opening: str | None = None,
    source: str | None = None,
) -> LotTerms:
    """Return the terms on which the purchase gave an asset; to others than its receiver it comes as a gift.

    ``source`` is as what it was given, where that is known; else the terms are those of the first that was given.
    """
    entry_id = purchase["entry_id"]
    if opening is not None:
        became = await find_became(services.reader, services.kinds, opening)
        assert became is not None, "what was taken has been found before"
        entry_id = became.entry_id
    rows = await services.reader.all(CREDITED, entry_id=entry_id)
    of_asset = [row for row in rows if row["asset"] == asset]
    row = next((row for row in of_asset if row["credited_as"] == source), next(iter(of_asset), None))
    if row is None and opening is not None:
        # All of it paid a debt: no lot tells on which terms it came.
        return LotTerms(REWARD if is_own else as_gift(REWARD), opening)
    if row is not None:
        terms = LotTerms(row["credited_as"], row["payment"], row["cost_amount"], row["cost_currency"], row["priority"],
                         row["expires_at"])  # fmt: skip
        whole = row["amount"]
    else:
        terms, whole = await _terms_meant(services, purchase, asset)
    cost = None if terms.cost_amount is None else terms.cost_amount * amount // whole
    return msgspec.structs.replace(terms, source=terms.source if is_own else as_gift(terms.source), cost_amount=cost)


async def _terms_meant(services: Services, purchase: Row, asset: str) -> tuple[LotTerms, int]:
    """Return the terms of what a purchase gave that paid a debt at once, so that no lot tells them; and how much."""
    payment = await read_payment(services, purchase["id"])
    assert payment is not None, "only purchases through a gateway are reversed here"
    meant = Plan(actor="", anchors=set())
    await give_goods(meant, services, purchase, bought_with=None, payment=payment["id"])
    given = next(step for step in meant.list if isinstance(step, Deposit) and step.asset == asset)
    return given.terms, given.amount
