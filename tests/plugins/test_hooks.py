"""What hooks may do, and what becomes of a plugin that fails or hangs in one."""

import asyncio
import json

import pytest

from storefront.control.desk import Desk
from storefront.core.errors import NotFound
from storefront.plugins import PluginFailed
from storefront.testing import OPERATOR_KEY, running_shop

HANG = "await asyncio.Event().wait()"
RAISE = "raise RuntimeError('the moon is full')"
PRICE = "@hookimpl\nasync def price_purchase(self, quote):\n    {}"
ASSESS = "@hookimpl\nasync def assess_purchase(self, attempt, plan):\n    {}"
ASSESS_PAYMENT = "@hookimpl\nasync def assess_payment(self, attempt, plan):\n    {}"
DEAF = """
@hookimpl
async def on_event(self, event):
    if event.type.startswith("purchase."):
        await asyncio.Event().wait()
"""
SAY = "from storefront.core.assessing import Assessment, Verdict\n    return Assessment(Verdict.{}, ('because',))"
LATE_JUDGE = """
@hookimpl
def register_late_steps(self):
    from storefront.core.assessing import PurchaseRefused
    from storefront.core.commit.apply import Review

    answers = {"refuse": PurchaseRefused(), "review": Review()}
    return {"judge": lambda view, facts: answers[facts["verdict"]] if facts["verdict"] in answers else []}

@hookimpl
async def assess_purchase(self, attempt, plan):
    from storefront.core.commit.plan import Late

    verdict = self.config.get("verdict", "refuse")
    if attempt.quote.offer.sku == "potion":
        plan.add(Late("judge.judge", (), {"verdict": verdict}))
        plan.on_refused.count("judge:refused", anchor=attempt.customer_id)

config_schema = {"type": "object", "properties": {"verdict": {"type": "string"}}, "additionalProperties": False}
"""
JOB = """
@hookimpl
def register_jobs(self, services):
    async def knit(payload):
        self.services = services
    return {"granny.knit": knit}

@hookimpl
async def assess_purchase(self, services, attempt, plan):
    if attempt.quote.offer.sku == "potion":
        now = services.clock.now()
        plan.schedule("granny.knit", anchor=attempt.customer_id, unique_key=attempt.purchase_id,
                      due_at=now + 60_000, now=now, payload={})
"""
GATEWAY = """
gateway_schemas = {"barter": {"type": "object", "additionalProperties": False}}

@hookimpl
def register_gateways(self, services):
    from storefront.core.gateways import Checkout, PaymentFacts, PaymentState
    from storefront.core.money import Money

    class Barter:
        name = "barter"

        def can_charge(self, amount):
            return None

        async def open_checkout(self, request):
            self.request = request
            return Checkout("deal-1", "https://barter.example/deal-1")

        async def look_up(self, reference):
            return PaymentFacts(reference, PaymentState.RECEIVED, self.request.amount, False,
                                self.request.purchase_id, payment="sheep-1")

        async def close_checkout(self, reference):
            return await self.look_up(reference)

        async def close(self):
            pass

    return [Barter()] if "barter" in services.config.gateways else []
"""


def facts(shop, name):
    return next(plugin for plugin in shop.parts.host.describe() if plugin["name"] == name)


@pytest.fixture
def impatient():
    """Shortens a shop's deadlines for hooks, so that hanging is noticed at once."""

    def shorten(shop):
        shop.parts.host.hooks.deadline_seconds = shop.parts.host.hooks.event_deadline_seconds = 0.05

    return shorten


@pytest.mark.parametrize(("fault", "said"), [(HANG, "price_purchase: hung"), (RAISE, "the moon is full")])
async def test_a_plugin_that_cannot_price_is_quarantined_and_the_shop_sells_on(
    strangers, tmp_path, impatient, fault, said
):
    strangers.write("moody", PRICE.format(fault))
    async with running_shop(tmp_path, strangers.shop("moody: {}")) as shop:
        impatient(shop)
        answers = [await shop.buy("gems-500", key=f"k{n}") for n in range(6)]
        assert facts(shop, "moody")["state"] == "quarantined"
        assert said in facts(shop, "moody")["reason"]
        assert await shop.pay(answers[5]) == 303
        assert (await shop.settled(answers[5]))["total"] == {"amount": 499, "currency": "USD"}

    assert [(answer.status, answer.json.get("code")) for answer in answers[:5]] == [(503, "assessment_unavailable")] * 5
    assert answers[5].status == 202


@pytest.mark.parametrize("fault", [HANG, RAISE])
async def test_a_judge_that_is_away_refuses_in_time_and_nothing_is_written(strangers, tmp_path, impatient, fault):
    strangers.write("judge", ASSESS.format(fault))
    async with running_shop(tmp_path, strangers.shop("judge: {}")) as shop:
        impatient(shop)
        await shop.session()
        before = shop.rows()
        async with asyncio.timeout(5):
            answers = [await shop.buy("gems-500", key=f"k{n}") for n in range(7)]

        assert {(answer.status, answer.json["code"]) for answer in answers} == {(503, "assessment_unavailable")}
        assert all("Retry-After" in answer.headers for answer in answers)
        assert shop.rows() == before
        assert facts(shop, "judge")["state"] == "quarantined"
        assert (await shop.as_nobody().get("/v1/catalog")).status == 200


async def test_a_quarantined_judge_lets_sell_where_the_operator_allows_it(strangers, tmp_path, impatient):
    strangers.write("judge", ASSESS.format(HANG))
    async with running_shop(tmp_path, strangers.shop("judge: {unscreened: allow}")) as shop:
        impatient(shop)
        answers = [await shop.buy("gems-500", key=f"k{n}") for n in range(6)]
    assert [answer.status for answer in answers] == [503, 503, 503, 503, 503, 202]


async def test_a_plugin_that_cannot_take_events_is_quarantined_and_its_events_wait(strangers, tmp_path, impatient):
    strangers.write("deaf", DEAF)
    async with running_shop(tmp_path, strangers.shop("deaf: {}")) as shop:
        impatient(shop)
        await shop.bought("gems-500")
        await shop.until(lambda: facts(shop, "deaf")["state"] == "quarantined")
        await shop.bought("gems-500")
        told = json.loads(shop.query("SELECT value FROM settings WHERE key = 'cursor:deaf'")[0]["value"])
        waiting = "SELECT count(*) AS n FROM events WHERE commit_no > ? AND type LIKE 'purchase.%'"
        assert shop.query(waiting, told[0]) == [{"n": 4}]


async def test_events_are_told_in_commit_order_also_those_of_before(strangers, tmp_path):
    body = "@hookimpl\nasync def on_event(self, event):\n    self.config['heard'].append((event.type, event.subject))"
    strangers.write("ears", body + "\n\ndef __init__(self, config):\n    self.config = {'heard': []}")
    async with running_shop(tmp_path) as shop:
        early = await shop.bought("gems-500")
    async with running_shop(tmp_path, strangers.shop("ears: {}")) as shop:
        sword = await shop.bought("sword")
        heard = shop.parts.host.hooks.manager.get_plugin("ears").config["heard"]
        await shop.until(lambda: ("purchase.completed", sword["id"]) in heard)

    bought = [event for event in heard if event[0].startswith("purchase.")]
    assert bought == [
        ("purchase.pending", early["id"]),
        ("purchase.completed", early["id"]),
        ("purchase.completed", sword["id"]),
    ]


async def test_a_late_refusal_writes_its_facts_and_leaves_the_key_free(strangers, tmp_path):
    strangers.write("judge", LATE_JUDGE)
    async with running_shop(tmp_path, strangers.shop("judge: {}")) as shop:
        await shop.bought("gems-500")
        await shop.quiet()
        rows = shop.rows()
        before = {**rows, "counters": rows["counters"] + 1}

        refused = [await shop.buy("potion", key="k1") for _ in range(2)]

        assert [(answer.status, answer.json["code"]) for answer in refused] == [(403, "purchase_refused")] * 2
        assert shop.rows() == before
        assert shop.query("SELECT value FROM counters WHERE key = 'judge:refused'") == [{"value": 2}]
        assert (await shop.buy("sword", key="k1")).status == 201


@pytest.mark.parametrize("early", ["ALLOW", "REVIEW"])
async def test_a_late_review_holds_the_price_or_lets_the_payment_wait(strangers, tmp_path, early):
    judge, says = LATE_JUDGE.replace('== "potion"', 'in ("potion", "chest")'), SAY.format(early).replace("\n", "\n    ")
    strangers.write("judge", judge.replace("\nconfig_schema", f"        {says}\n\nconfig_schema"))
    async with running_shop(tmp_path, strangers.shop("judge: {verdict: review}")) as shop:
        await shop.bought("gems-500")
        held = await shop.buy("potion", key="k1")
        assert (held.status, held.json["status"]) == (202, "pending")
        assert (await shop.buy("potion", key="k1")).json == held.json
        assert shop.query("SELECT status FROM purchases WHERE sku = 'potion'") == [{"status": "in_review"}]
        assert shop.query("SELECT state, amount FROM holds") == [{"state": "open", "amount": 15}]

        opened = await shop.buy("chest")
        assert (opened.status, await shop.pay(opened)) == (202, 303)
        waits = "SELECT status, payment_state FROM purchases WHERE sku = 'chest'"
        await shop.until(lambda: shop.query(waits) == [{"status": "in_review", "payment_state": "authorized"}])
        assert (await shop.as_customer().get("/v1/me")).json["items"] == []


async def test_a_refused_purchase_is_refused_and_the_buyer_learns_no_reason(strangers, tmp_path):
    strangers.write("judge", ASSESS.format(SAY.format("REFUSE")))
    async with running_shop(tmp_path, strangers.shop("judge: {}")) as shop:
        refused = await shop.buy("gems-500")
    assert (refused.status, refused.json["code"]) == (403, "purchase_refused")
    assert "because" not in str(refused.json)


async def test_the_jobs_of_a_plugin_that_is_off_wait_for_it(strangers, tmp_path):
    strangers.write("granny", JOB)
    waiting = "SELECT state, attempts FROM jobs WHERE kind = 'granny.knit'"
    async with running_shop(tmp_path, strangers.shop("granny: {}")) as shop:
        await shop.bought("gems-500")
        await shop.bought("potion")
    async with running_shop(tmp_path) as shop:
        await shop.advance("1h")
        assert shop.query(waiting) == [{"state": "waiting", "attempts": 0}]
    async with running_shop(tmp_path, strangers.shop("granny: {}")) as shop:
        await shop.until(lambda: not shop.query(waiting))


async def test_a_plugin_brings_a_gateway(strangers, tmp_path):
    strangers.write("market", GATEWAY)
    text = strangers.shop("market: {}").replace("gateways: {sandbox: {}}", "gateways: {sandbox: {}, barter: {}}")
    async with running_shop(tmp_path, text) as shop:
        opened = await shop.buy("gems-500", currency="USD", pay_with="barter")
        assert opened.json["payment"]["redirect_url"] == "https://barter.example/deal-1"
        path = f"/v1/purchases/{opened.json['id']}/finalize"
        assert (await shop.as_customer().post(path)).json["status"] == "completed"
        assert shop.balance("gateway:barter:clearing:USD") == -499


OPERATING = """
@hookimpl
def register_operations(self, services):
    async def weigh(asked):
        return {"weight": asked["stones"] * 14}
    return {"weigh": weigh}

@hookimpl
def register_gauges(self, services):
    from storefront.core.hooks import Gauge
    async def read():
        return [Gauge("storefront_scales_weight", "What lies there.", 28.0, {"pan": pan}) for pan in ("left", "right")]
    async def broken():
        raise RuntimeError("the scales are broken")
    return [broken, read]
"""


async def test_a_plugin_answers_the_operators_shell(strangers, tmp_path):
    strangers.write("scales", OPERATING)
    async with running_shop(tmp_path, strangers.shop("scales: {}")) as shop:
        desk = Desk(shop.parts, url=shop.url, read=lambda: shop.parts.host)
        assert await desk.ask("scales.weigh", {"stones": 2}) == {"weight": 28}


COUNTING = """
from storefront.core.analytics.metrics import Counted, Figure, Figures
figures = Figures(
    figures=(Figure("scales_weighed", "revenue", "count", "customers who were weighed"),),
    count_events=frozenset({"customer.created"}),
    count=lambda told, Counted=Counted: [Counted("scales_weighed", "", "heavy")],
)
"""


async def test_what_a_plugin_counts_stands_in_a_report_with_what_it_says(strangers, tmp_path):
    strangers.write("scales", COUNTING)
    async with running_shop(tmp_path, strangers.shop("scales: {}")) as shop:
        await shop.session("ada")
        await shop.session("bob")
        await shop.parts.roller.fold_all()
        told = (await shop.bearing(OPERATOR_KEY).get("/v1/analytics/revenue")).json
    (one,) = [figure for figure in told["figures"] if figure["figure"] == "scales_weighed"]
    assert (one["kind"], one["value"], one["unit"]) == ("heavy", 2, "count")
    assert told["formulas"]["scales_weighed"] == "customers who were weighed"


async def test_a_figure_under_anothers_name_fails_the_start(strangers, tmp_path):
    strangers.write("scales", COUNTING.replace("scales_weighed", "gross"))
    with pytest.raises(PluginFailed, match="the figure gross must be called scales_…"):
        async with running_shop(tmp_path, strangers.shop("scales: {}")):
            pass


async def test_the_shell_is_told_of_a_plugin_that_is_not_enabled(strangers, tmp_path):
    strangers.write("scales", OPERATING)
    async with running_shop(tmp_path, strangers.shop()) as shop:
        desk = Desk(shop.parts, url=shop.url, read=lambda: shop.parts.host)
        with pytest.raises(NotFound, match="The plugin scales is not enabled"):
            await desk.ask("scales.weigh", {"stones": 2})


async def test_a_plugins_figures_stand_in_the_metrics_and_broken_ones_take_no_others_away(strangers, tmp_path):
    strangers.write("scales", OPERATING)
    async with running_shop(tmp_path, strangers.shop("scales: {}")) as shop, shop.http.get("/metrics") as response:
        text = await response.text()
    assert 'storefront_scales_weight{pan="left"} 28.0\nstorefront_scales_weight{pan="right"} 28.0' in text
    assert "storefront_jobs_dead 0.0" in text


async def test_a_plugin_is_told_nothing_until_its_events_matter(strangers, tmp_path):
    body = """
async def events_matter_after(self, services):
    return self.heard["after"]

@hookimpl
async def on_event(self, event):
    self.heard["events"].append(event)

def __init__(self, config):
    self.heard = {"after": None, "events": []}
"""
    strangers.write("late", body)
    async with running_shop(tmp_path, strangers.shop("late: {}")) as shop:
        heard = shop.parts.host.hooks.manager.get_plugin("late").heard
        first = await shop.bought("gems-500")
        assert heard["events"] == []
        [last] = shop.query("SELECT commit_no, anchor, sequence FROM events WHERE subject = ? "
                            "ORDER BY sequence DESC LIMIT 1", first["id"])  # fmt: skip
        heard["after"] = tuple(last.values())
        second = await shop.bought("gems-500")
        await shop.until(lambda: ("purchase.completed", second["id"]) in [(e.type, e.subject) for e in heard["events"]])
        assert first["id"] not in [event.subject for event in heard["events"]]


STATE = """
@hookimpl
async def customer_state(self, reader, customer_id, now):
    from storefront.core.states import StatePart

    {}
    return StatePart(badges=["knitter"], instants=[now + 60_000])
"""


async def test_a_plugin_adds_to_a_customers_state_and_says_when_that_changes(strangers, tmp_path):
    strangers.write("granny", STATE.format(""))
    async with running_shop(tmp_path, strangers.shop("granny: {}")) as shop:
        me = (await shop.as_customer().get("/v1/me")).json
        assert me["badges"] == ["knitter"]
        assert me["fresh_until"] is not None


@pytest.mark.parametrize("fault", [HANG, RAISE])
async def test_a_plugin_that_cannot_tell_its_part_of_a_state_is_left_out_of_it(strangers, tmp_path, impatient, fault):
    strangers.write("granny", STATE.format(fault))
    async with running_shop(tmp_path, strangers.shop("granny: {}")) as shop:
        impatient(shop)
        me = await shop.as_customer().get("/v1/me")
        assert (me.status, me.json["badges"]) == (200, [])
        assert shop.parts.host.hooks.health["granny"].failures == 1
        assert me.json["fresh_until"] is not None, "it is asked again soon"
