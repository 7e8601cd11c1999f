"""A move of a reversal at a gateway: what used items became, currency and rights, rests, is taken or free again.

Their items are asked for with those of the purchase. Each thing that items became has a freeze of its own beside the
reversal's, because its currency was given by an entry of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, select

from storefront.core.commit.freezes import demand_of
from storefront.core.commit.plan import Demand, Freeze, Plan, TakeFrozen, Unfreeze
from storefront.core.following import let_owe
from storefront.core.opened import Opened, Openings, find_became
from storefront.core.reading import Query
from storefront.core.refunds import Strategy, TakenBack
from storefront.core.services import Services
from storefront.core.tables_freezes import freezes

_FREEZE = Query(select(freezes).where(freezes.c.id == bindparam("id")))
_OF_CUSTOMER = Query(select(freezes.c.id).where(freezes.c.customer_id == bindparam("customer_id")))


@dataclass(frozen=True, slots=True)
class OpenedAside:
    """What is asked back of one thing that items became (``name``), under the freeze of this id.

    ``is_frozen``: it rests already. Reversals that began under an older version let it rest only when they take it.
    """

    name: str
    freeze_id: str
    demand: Demand
    is_frozen: bool = False


def opened_id(freeze_id: str, number: int) -> str:
    """Name the freeze of what the n-th of the used items became, beside that of the reversal."""
    return f"{freeze_id}.opened{number}"


async def opened_freezes(services: Services, reversal_id: str, customer_id: str) -> tuple[str, ...]:
    """Name all the freezes that a reversal ever had of what used items became, by whose they are."""
    rows = await services.reader.all(_OF_CUSTOMER, customer_id=customer_id)
    return tuple(row["id"] for row in rows if row["id"].startswith(f"{reversal_id}.") and ".opened" in row["id"])


async def set_aside_of_opened(
    services: Services, freeze_id: str, told: TakenBack, receiver_id: str
) -> tuple[OpenedAside, ...]:
    """Return what rests of all that a reversal names, as its freezes say; where there is none, what would rest now."""
    found = []
    for number, name in enumerate(told.openings):
        one = opened_id(freeze_id, number)
        row = await services.reader.first(_FREEZE, id=one)
        if row is not None:
            found.append(OpenedAside(name, one, demand_of(row), is_frozen=True))
            continue
        became = await find_became(services.reader, services.kinds, name)
        if became is not None:
            openings = Openings(services.reader, services.kinds, services.clock, receiver_id)
            found.append(OpenedAside(name, one, (await openings.ask(became)).demand))
    return tuple(one for one in found if one.demand.wallets or one.demand.rights)


def aside_anew(freeze_id: str, opened: Sequence[Opened]) -> tuple[OpenedAside, ...]:
    """Return what will rest of all that a reversal has just decided to ask back."""
    found = (OpenedAside(one.became.id, opened_id(freeze_id, at), one.demand) for at, one in enumerate(opened))
    return tuple(one for one in found if one.demand.wallets or one.demand.rights)


def freeze_opened(plan: Plan, opened: Sequence[OpenedAside], receiver_id: str) -> tuple[OpenedAside, ...]:
    """Let rest what does not rest yet; return all of it, resting."""
    for one in opened:
        if not one.is_frozen:
            plan.add(Freeze(one.freeze_id, receiver_id, one.demand))
    return tuple(replace(one, is_frozen=True) for one in opened)


def unfreeze_opened(plan: Plan, opened: Sequence[OpenedAside], receiver_id: str) -> None:
    """Give back what rests."""
    for one in opened:
        if one.is_frozen:
            plan.add(Unfreeze(one.freeze_id, receiver_id, one.demand))


def take_opened(
    services: Services,
    plan: Plan,
    opened: Sequence[OpenedAside],
    *,
    about: str,
    strategy: str,
    whose: tuple[str, str],
) -> dict[str, tuple[str, Demand]]:
    """Take what rests for the reversal ``about``; of what is missing, currency may be owed.

    ``whose`` are buyer and receiver. Return, by the label of the step that takes it, what it came from and what was
    asked.
    """
    buyer_id, receiver_id = whose
    terms = (services.config.purchases.debt_repay_percent, services.config.purchases.debt_blocks_spending)
    taken: dict[str, tuple[str, Demand]] = {}
    for one in opened:
        label = f"opened:{one.name}"
        plan.entry("opening.reversed", about=about, anchor=buyer_id, reverses=one.demand.original, label=label)
        plan.add(TakeFrozen(label, one.freeze_id, receiver_id, one.demand, label, about=about))
        taken[label] = (one.name, one.demand)
        for wanted in one.demand.wallets if strategy == Strategy.DEBT else ():
            let_owe(plan, label, wanted, missing_of=label, less=(), whose=whose, terms=terms,
                    label=f"{label}:{wanted.asset}")  # fmt: skip
    return taken
