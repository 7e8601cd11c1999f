"""A custom widget of another origin, written for StreamElements, hears tips once each, in their shapes."""

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from storefront.testing import running_shop
from tests.fanfunding.test_overlay_queue import act
from tests.fanfunding.tipping import FAN_SHOP, LUNA, tip

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "/v1/fanfunding/creators/luna/overlay/token"
WIDGET = """<!doctype html><title>Widget</title>
<script>
  window.heard = [];
  for (const name of ["onWidgetLoad", "onEventReceived", "onSessionUpdate"]) {
    window.addEventListener(name, (event) => window.heard.push([name, JSON.parse(JSON.stringify(event.detail))]));
  }
  window.addEventListener("onEventReceived", () => SE_API.resumeQueue());
</script>
<script src="%(shop)s/overlay/live.js" data-token="%(token)s" data-currency="EUR"
  data-fields='{"color": "red"}'></script>
<script src="%(shop)s/overlay/streamelements.js"></script>
"""


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(browser, tmp_path):
    served: dict[str, str] = {}

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=served["html"], content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    async with TestServer(app) as server:
        origin = str(server.make_url("/")).rstrip("/")
        (tmp_path / "luna.yaml").write_text(LUNA + "alerts: {gap: 0s, duration: 30s}\n")
        text = FAN_SHOP.replace("web: {", f'web: {{return_origins: ["{origin}"], ', 1)
        async with running_shop(tmp_path, text) as shop:
            link = (await shop.as_server().post(TOKEN)).json
            served["html"] = WIDGET % {"shop": shop.url, "token": link["token"]}
            yield shop, origin


async def test_a_widget_hears_each_tip_once_and_the_sums_of_its_session(visit, elsewhere):
    shop, origin = elsewhere
    here = await visit(shop=shop)
    await here.page.goto(origin)
    for amount, currency, name in ((1250, "USD", "Mio"), (500, "EUR", "Ana")):
        await tip(shop, amount, currency, name=name, message="<b>hi</b>")
    states = "SELECT state FROM fanfunding_alerts ORDER BY sequence"
    await shop.until(lambda: [row["state"] for row in shop.query(states)] == ["done", "done"])
    heard = await here.page.evaluate("window.heard")
    assert [name for name, _ in heard] == ["onWidgetLoad", *(["onEventReceived", "onSessionUpdate"] * 2)]
    assert (heard[0][1]["fieldData"], heard[0][1]["currency"]["symbol"]) == ({"color": "red"}, "€")
    first = heard[1][1]
    assert (first["listener"], first["event"]["name"], first["event"]["amount"], first["event"]["message"]) == (
        "tip-latest", "Mio", 12.5, "<b>hi</b>",
    )  # fmt: skip
    session = heard[-1][1]["session"]
    assert (session["tip-latest"]["name"], session["tip-count"], session["tip-session"]) == (
        "Ana", {"count": 2}, {"amount": 17.5},
    )  # fmt: skip
    assert session["tip-session-top-donation"]["name"] == "Mio"


async def test_a_widget_hears_a_tip_once_though_it_was_cut_off_and_that_it_was_hidden(visit, elsewhere):
    shop, origin = elsewhere
    here = await visit(shop=shop)
    await here.page.goto(origin)
    await here.page.evaluate("window.SE_API.resumeQueue = () => {}")  # a widget that stays for as long as it may
    await here.page.route("**/overlay/ack", lambda route: route.abort())
    await tip(shop, 500, "EUR", name="Ana")
    await shop.restart()
    await here.page.unroute("**/overlay/ack")
    await here.page.wait_for_function("window.heard.some(([name]) => name === 'onSessionUpdate')")
    await act(shop, "hide")
    await here.page.wait_for_function("window.heard.some(([, told]) => told.listener === 'event:skip')")
    heard = await here.page.evaluate("window.heard")
    assert [told.get("listener") for name, told in heard if name == "onEventReceived"] == ["tip-latest", "event:skip"]
    assert heard[2][1]["session"]["tip-count"] == {"count": 1}
    here.forgive("net::ERR_")
