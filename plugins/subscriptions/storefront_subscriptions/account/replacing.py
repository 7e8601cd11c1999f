"""Another payment method in place of the one that is charged: saved on the gateway's page, and used from then on."""

from storefront.core.buyer_caps import refuse_card_testing
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import NotFound, Unavailable
from storefront.core.payment_methods import need_method, open_setup
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.account.reading import keeper_of, read_standings
from storefront_subscriptions.rows import OF_CUSTOMER, OVER, need

TIMES_DECIDED = 5


async def open_replacement(services: Services, customer_id: str, *, return_url: str, network: str) -> str:
    """Open the gateway's page on which a method is saved; return its address.

    Raises:
        NotFound: no gateway here keeps methods.
        TooManyDeclines, GatewayFailed: not now.
    """
    await refuse_card_testing(services, network)
    standings = await read_standings(services, customer_id)
    keeper = keeper_of(services, standings)
    if keeper is None:
        raise NotFound("No gateway here keeps payment methods.")
    catalog = services.catalogs.active
    currencies = [one.row["currency"] for one in standings if one.is_paid_in_money]
    currencies += [code for offer in catalog.offers.values() for code in offer.prices if not catalog.is_virtual(code)]
    setup = await open_setup(
        services, customer_id, keeper, currency=next(iter(currencies), "USD"), return_url=return_url, network=network
    )
    return str(setup["redirect_url"])


async def use_saved(services: Services, customer_id: str, method_id: str) -> None:
    """Charge a customer's subscriptions with a method that they saved from now on, where another was named for them.

    Those that name none are charged with the newest anyway. Safe to repeat.
    """
    method = await need_method(services, customer_id, method_id)
    for found in await services.reader.all(OF_CUSTOMER, customer_id=customer_id):
        if found["billing_state"] not in OVER and found["pay_with"] == method["gateway"]:
            await _name_method(services, found, method_id)


async def _name_method(services: Services, row: Row, method_id: str) -> None:
    for _ in range(TIMES_DECIDED):
        if row["method"] in (None, method_id) or row["billing_state"] in OVER:
            return
        plan = Plan(actor=f"customer:{row['customer_id']}", anchors={row["customer_id"]})
        changes = {"method": method_id, "updated_at": services.clock.now(), "version": row["version"] + 1}
        plan.add(Change("subscriptions", (row["id"],), row["customer_id"], {"version": row["version"]}, changes))
        try:
            await services.engine.commit(plan)
        except Stale:
            row = await need(services, row["id"])
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")
