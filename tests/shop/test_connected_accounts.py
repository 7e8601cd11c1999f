"""Events of connected accounts: the sandbox posts them to the shop's endpoint for them, under its own secret."""

from collections.abc import AsyncIterator

import pytest
import stripe

from storefront.configured_gateways import SandboxSecrets
from storefront.testing import Shop

OWN = {"id": "evt_own", "object": "event", "type": "payout.paid", "livemode": False,
       "data": {"object": {"id": "po_1", "object": "payout"}}}  # fmt: skip
CONNECTED = {**OWN, "id": "evt_connected", "account": "acct_creator1"}


@pytest.fixture
async def api(shop: Shop) -> AsyncIterator[stripe.StripeClient]:
    """The official library, on the shop's own emulator."""
    url = f"{shop.url}/sandbox"
    http = stripe.AIOHTTPClient()
    yield stripe.StripeClient(shop.sandbox.secret_key, base_addresses={"api": url}, http_client=http)
    await http.close_async()


def secrets_of(shop: Shop) -> SandboxSecrets:
    config = shop.parts.services.config
    return SandboxSecrets.load_or_create(config.data_dir, config.gateways["sandbox"])


async def test_what_happens_to_a_creators_account_is_told_by_the_endpoint_for_connected_accounts(
    shop: Shop, api: stripe.StripeClient
) -> None:
    account = await api.v1.accounts.create_async({"type": "express", "country": "DE"})
    await api.v1.accounts.update_async(account.id, {"metadata": {"creator_id": "ada"}})
    await shop.quiet()

    told = shop.query("SELECT account, type FROM inbox")
    assert told == [{"account": account.id, "type": "account.updated"}]
    endpoints = await api.v1.webhook_endpoints.list_async()
    assert [one.url for one in endpoints.data] == [f"{shop.url}/webhooks/sandbox"] * 2


async def test_each_endpoint_is_believed_of_its_own_accounts_alone(shop: Shop) -> None:
    secrets = secrets_of(shop)
    assert secrets.webhook_secret != secrets.connect_webhook_secret
    before = shop.rows()
    for event, secret in (
        (CONNECTED, secrets.webhook_secret),
        (OWN, secrets.connect_webhook_secret),
        (CONNECTED, "whsec_" + "of_somebody_else_0123456789"),
    ):
        refused = await shop.sandbox.post_webhook(event, secret=secret)
        assert (refused.status, refused.json["code"]) == (400, "bad_signature")
    assert shop.rows() == before

    assert (await shop.sandbox.post_webhook(CONNECTED, secret=secrets.connect_webhook_secret)).status == 200
    assert (await shop.sandbox.post_webhook(OWN, secret=secrets.webhook_secret)).status == 200
    await shop.quiet()
    stored = shop.query("SELECT event_id, account FROM inbox ORDER BY event_id")
    assert stored == [
        {"event_id": "evt_connected", "account": "acct_creator1"},
        {"event_id": "evt_own", "account": ""},
    ]
