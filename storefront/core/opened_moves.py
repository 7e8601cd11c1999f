"""A move of a reversal at a gateway: the currency that used items became is taken; what is missing may be owed."""

from storefront.core.accounts import issuance
from storefront.core.commit.plan import MissingOf, Owe, Plan, TakeBack
from storefront.core.opened import Given, end_rights_of, find_became, gave
from storefront.core.reading import Row
from storefront.core.refunds import Strategy, TakenBack
from storefront.core.services import Services


async def take_from_opened(
    services: Services, plan: Plan, row: Row, told: TakenBack, *, receiver_id: str
) -> dict[str, tuple[str, Given]]:
    """Take the currency that used items became, as far as it is there, and end the rights that came with them.

    ``receiver_id`` is who had the items; what is missing is owed by who bought them. Return, by the label of the step
    that takes it, where it came from and how much that was. While a reversal waits, this currency is not set aside:
    its lots were filled by another entry than the one that is reversed.
    """
    buyer_id, terms = row["customer_id"], services.config.purchases
    taken: dict[str, tuple[str, Given]] = {}
    for name in told.openings:
        became = await find_became(services.reader, services.kinds, name)
        if became is None:
            continue
        end_rights_of(plan, receiver_id, became)
        entry = f"opened:{name}"
        given_back = await gave(services.reader, became, services.clock.now())
        if not given_back:
            continue
        assert became.entry_id is not None, "what was given has an entry"
        plan.entry("opening.reversed", about=row["id"], anchor=buyer_id, reverses=became.entry_id, label=entry)
        for given in given_back:
            label = f"{entry}:{given.asset}"
            taken[label] = (name, given)
            plan.add(
                TakeBack(
                    entry,
                    became.entry_id,
                    receiver_id,
                    given.asset,
                    given.amount,
                    issuance(given.asset),
                    given.parts,
                    given.amount,
                    is_partial=True,
                    label=label,
                )
            )
            if told.strategy == Strategy.DEBT:
                repaid = (terms.debt_repay_percent, terms.debt_blocks_spending)
                plan.add(Owe(entry, buyer_id, given.asset, MissingOf(label), *repaid, label=label))
    return taken
