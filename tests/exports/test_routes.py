"""Every list that the router answers can be taken out, or it is said here why not; two lists never share a name."""

import pytest
from storefront_mail import MailPlugin

from storefront.app import create_app
from storefront.plugins import PluginFailed, load
from storefront.testing import OPERATOR_KEY, TINY_SHOP
from storefront.web import edge
from tests.exports.bazaar import BAZAAR, LUNA_TODAY

TAKEN_OUT = {
    "/v1/purchases": "purchases",
    "/v1/purchases/{id}/refunds": "refunds",
    "/v1/events": "events",
    "/v1/keys": "keys",
    "/v1/grants": "grants",
    "/v1/holds": "holds",
    "/v1/me/wallets/{asset}/entries": "postings",
    "/v1/customers/{customer}/wallets/{asset}/entries": "postings",
    "/v1/customers/{customer}/wallets/{asset}/lots": "lots",
    "/v1/manual-payments": "manual-payments",
    "/v1/webhook-endpoints": "webhook-endpoints",
    "/v1/webhook-endpoints/{id}/deliveries": "webhook-deliveries",
    "/v1/inbox": "inbox",
    "/v1/disputes": "disputes",
    "/v1/alarms": "alarms",
    "/v1/jobs": "jobs",
    "/v1/reviews": "reviews",
    "/v1/me/gifts": "purchases",
    "/v1/customers/{customer}/gifts": "purchases",
    "/v1/transfers": "transfers",
    "/v1/promo-codes/{code}/codes": "promo-codes",
    "/v1/me/auto-top-up": "auto-top-ups",
    "/v1/customers/{customer}/auto-top-up": "auto-top-ups",
    "/v1/usage": "usage",
    "/v1/usage/lines": "usage-lines",
    "/v1/fanfunding/creators": "creators",
    "/v1/fanfunding/creators/{creator}/tips": "tips",
    "/v1/fanfunding/payouts": "payouts",
    "/v1/fraud/decisions": "fraud-decisions",
    "/v1/fraud/lists/{list}": "fraud-lists",
    "/v1/fraud/lists": "fraud-lists",
    "/v1/microtransactions/inventory": "inventory",
    "/v1/microtransactions/openings": "openings",
    "/v1/microtransactions/deliveries": "deliveries",
    "/v1/subscriptions": "subscriptions",
    "/v1/subscriptions/{id}/invoices": "invoices",
    "/v1/subscriptions/{id}/credits": "subscription-credits",
    "/v1/subscriptions/{id}/usage": "subscription-usage",
}
NOT_TAKEN_OUT = {
    "/v1/exports": "the list of the lists",
    "/v1/payment-methods": "what a customer pays with is shown to them and to the game, one customer at a time",
    "/v1/customers/{customer}/wallets/{asset}/lots/{lot}/draws": "the history of one lot; postings have all entries",
    "/v1/promo-codes": "stands in the YAML; what was redeemed is in redemptions",
    "/v1/reconciliations": "one report for each gateway, no rows",
    "/v1/experiments": "figures that are worked out; who saw what is in experiment-exposures",
    "/v1/fanfunding/creators/{creator}/goals": "how goals stand now; those reached are in reached-goals",
    "/v1/fanfunding/creators/{creator}/leaderboard": "figures that are worked out of tips",
    "/v1/fanfunding/overlay/preview": "samples",
    "/v1/fanfunding/payable": "figures that are worked out of statement-lines",
    "/v1/fraud/rules": "stands in the YAML",
}


@pytest.fixture
def host(tmp_path):
    (tmp_path / "shop.yaml").write_text(BAZAAR)
    (tmp_path / "luna.yaml").write_text(LUNA_TODAY.replace("DEADLINE", "2099-01-01T00:00:00Z"))
    return load(tmp_path / "shop.yaml", {"DATA": str(tmp_path / "data")})


async def test_every_list_of_the_router_can_be_taken_out_or_it_is_said_why_not(host):
    app = create_app(host, own_url="http://127.0.0.1:8080")
    listed = set()
    for route in app.router.routes():
        endpoint = getattr(route.handler, "__self__", None)
        if isinstance(endpoint, edge.Endpoint) and endpoint._route.method == "GET":
            answered = (endpoint._route.answers.get(200) or {}).get("properties", {})
            if answered.get("data", {}).get("type") == "array":
                listed.add(endpoint._route.template)
    assert len(listed) > 40
    assert sorted(listed - set(TAKEN_OUT) - set(NOT_TAKEN_OUT)) == []
    assert sorted((set(TAKEN_OUT) | set(NOT_TAKEN_OUT)) - listed) == []
    assert sorted(set(TAKEN_OUT.values()) - set(host.exports())) == []


def test_no_column_has_a_name_that_betrays_a_secret(host):
    """A second look at names: what lets somebody in, or pay, is never a column."""
    secret = ("secret", "token", "hash", "digest", "fingerprint", "pepper", "password", "raw", "network", "email")
    found = [
        f"{name}.{column.name}"
        for name, one in host.exports().items()
        for column in one.columns
        if any(word in column.name.split("_") for word in secret)
    ]
    assert found == ["webhook-endpoints.previous_secret_until"]


def test_a_list_of_a_plugin_may_not_take_the_name_of_another(host, monkeypatch):
    taken = next(iter(host.exports().values()))
    other = type(taken)(name=taken.name, title="", scope="", columns=(), statement=taken.statement, order=())
    monkeypatch.setattr(MailPlugin, "exports", (other,))
    with pytest.raises(PluginFailed, match="another list is called purchases"):
        host.exports()


async def test_lists_of_plugins_that_are_not_enabled_are_not_there(shop):
    told = {one["list"] for one in (await shop.bearing(OPERATOR_KEY).get("/v1/exports")).json["data"]}
    assert {"purchases", "openings"} <= told
    assert told & {"tips", "subscriptions", "fraud-decisions", "mails"} == set()
    assert "fanfunding" not in TINY_SHOP
