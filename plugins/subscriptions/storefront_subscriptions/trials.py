"""Trials: one of a family for each person, by all that they are known by: account, mailbox, cards.

A trial that begins claims its customer and each of their marks; claims are unique, so of many at once one begins.
"""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Plan
from storefront.core.errors import Conflict
from storefront.core.identities import marks_of
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import claims
from storefront_subscriptions.config import Tier

CLAIMED = Query(select(claims.c.about).where(claims.c.key == bindparam("name")))


class TrialUsed(Conflict):
    code = "trial_used"
    title = "This card or mailbox has had its trial"


async def may_try(services: Services, customer_id: str, tier: Tier) -> bool:
    """Tell whether nobody who is known by the same has tried this family yet; the claims decide for good."""
    if not tier.trial_ms or not await is_new_account(services, customer_id, tier.family):
        return False
    return not await _is_marked(services, await marks_of(services, customer_id), tier.family)


async def is_new_account(services: Services, customer_id: str, family: str) -> bool:
    """Tell whether a customer, by this account, has not tried a family yet."""
    return await services.reader.first(CLAIMED, name=_claim(family, customer_id)) is None


async def claims_of_trial(services: Services, customer_id: str, family: str, subscription: str) -> list[Claim]:
    """Return what a trial claims.

    Raises:
        TrialUsed: another account with the same card or mailbox has had one.
    """
    marks = await marks_of(services, customer_id)
    if await _is_marked(services, marks, family):
        raise TrialUsed("Send `trial: false` to begin to pay at once.")
    return [Claim(_claim(family, name), subscription) for name in (customer_id, *marks)]


async def mark_trial(services: Services, row: Row) -> None:
    """Claim, for a trial that runs, what its customer is known by since it began: their card is no other's trial."""
    for name in await marks_of(services, row["customer_id"]):
        if await _is_marked(services, [name], row["family"]):
            continue
        plan = Plan(actor="plugin:subscriptions", anchors={row["customer_id"]})
        plan.add(Claim(_claim(row["family"], name), row["id"]))
        with suppress(Taken):  # somebody else's trial has begun with it
            await services.engine.commit(plan)


async def _is_marked(services: Services, marks: Sequence[str], family: str) -> bool:
    found = [await services.reader.first(CLAIMED, name=_claim(family, one)) for one in marks]
    return any(one is not None for one in found)


def _claim(family: str, name: str) -> str:
    return f"subscriptions:trial:{family}:{name}"
