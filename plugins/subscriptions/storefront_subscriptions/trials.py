"""Trials: one of a family for each person, by all that they are known by: account, mailbox, cards.

A trial that begins claims its customer and each of their marks; claims are unique, so of many at once one begins.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Plan
from storefront.core.errors import Conflict
from storefront.core.identities import marks_of
from storefront.core.names import read_names
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import claims
from storefront_subscriptions.config import Tier
from storefront_subscriptions.rows import OF_CUSTOMER

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
    """Tell whether a customer, by this account or one that became it, has not tried a family yet."""
    return not await _is_marked(services, await read_names(services.reader, customer_id), family)


async def claims_of_trial(services: Services, customer_id: str, family: str, subscription: str) -> list[Claim]:
    """Return what a trial claims.

    Raises:
        TrialUsed: another account with the same card or mailbox has had one.
    """
    marks = await marks_of(services, customer_id)
    if await _is_marked(services, marks, family):
        raise TrialUsed("Send `trial: false` to begin to pay at once.")
    return [Claim(_claim(family, name), subscription) for name in (customer_id, *marks)]


async def trials_of(services: Services, customer_id: str) -> Mapping[str, str]:
    """Return the families of which a customer has had a trial, running or over, each with its subscription."""
    families = {one["family"] for one in await services.reader.all(OF_CUSTOMER, customer_id=customer_id)}
    found = {one: await services.reader.first(CLAIMED, name=_claim(one, customer_id)) for one in families}
    return {family: str(claim["about"]) for family, claim in found.items() if claim is not None}


async def mark_trials(services: Services, customer_id: str) -> None:
    """Claim, for the trials that a customer has had, what they are known by since: their card is no other's trial."""
    for family, subscription in (await trials_of(services, customer_id)).items():
        for name in await marks_of(services, customer_id):
            if await _is_marked(services, [name], family):
                continue
            plan = Plan(actor="plugin:subscriptions", anchors={customer_id})
            plan.add(Claim(_claim(family, name), subscription))
            with suppress(Taken):  # somebody else's trial has begun with it
                await services.engine.commit(plan)


async def _is_marked(services: Services, marks: Sequence[str], family: str) -> bool:
    found = [await services.reader.first(CLAIMED, name=_claim(family, one)) for one in marks]
    return any(one is not None for one in found)


def _claim(family: str, name: str) -> str:
    return f"subscriptions:trial:{family}:{name}"
