"""Tips through both clients: given by guests and from wallets, once each; goals and boards."""

import asyncio

import pytest
from storefront_sdk import AmountOutOfRange, BlockingStorefront, InsufficientFunds, Money, NotFound, StorefrontClient

from storefront.testing import SERVER_KEY, running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA

from .js.runtimes import running_node

GOALS = "goals: [{id: mic, title: New microphone, target: {USD: 1000}}]\n"


@pytest.fixture
async def stream(tmp_path):
    (tmp_path / "luna.yaml").write_text(LUNA + GOALS)
    async with running_shop(tmp_path, FAN_SHOP) as shop:
        yield shop


async def test_a_guest_gives_once_and_sees_it_become_part_of_goal_and_board(stream):
    async with StorefrontClient(stream.url, public=True) as fan:
        (luna,) = await fan.tips.creators(language="de")
        assert (luna.id, luna.name, luna.title, luna.least["USD"]) == ("luna", "Luna", "Luna spielt", 100)
        asked = {"message": "For the cat", "fan": "k" * 20, "idempotency_key": "once"}
        pending = await fan.tips.give("luna", Money(500, "USD"), "Mio", **asked)
        again = await fan.tips.give("luna", (500, "USD"), "Mio", **asked)
        assert (pending.status, again.is_replay, again.id) == ("pending", True, pending.id)
        tip = pending.raw["details"]["tip"]
        assert ((await fan.tips.get(tip)).state, (await fan.tips.get(tip)).name) == ("pending", None)
        await stream.pay(pending.raw)
        paid = await fan.tips.finalize(tip)
        assert (paid.is_paid, paid.name, paid.message, paid.amount, paid.tier) == (
            True, "Mio", "For the cat", Money(500, "USD"), "gold",
        )  # fmt: skip
        await stream.quiet()
        tips, following = await fan.tips.list("luna")
        assert (tips, following) == ([paid], None)
        (goal,) = await fan.tips.goals("luna")
        assert (goal.amount, goal.percent, goal.is_reached) == (Money(500, "USD"), 50, False)
        (first,) = await fan.tips.leaderboard("luna", span="day")
        assert (first.rank, first.name, first.amount) == (1, "Mio", Money(500, "USD"))
        with pytest.raises(AmountOutOfRange) as wrong:
            await fan.tips.give("luna", Money(99, "USD"), "Mio")
        assert wrong.value.facts["min"] == {"amount": 100, "currency": "USD"}
        with pytest.raises(NotFound):
            await fan.tips.creator("nobody")


async def test_a_tip_from_the_wallet_changes_the_state_that_is_held(stream):
    await stream.bought("gems-500", customer="ada")
    async with StorefrontClient(stream.url, token=await stream.session("ada")) as ada:
        assert (await ada.wallet("gems")).balance == 500
        given = await ada.tips.give("luna", Money(20, "gems"), "Ada", anonymous=True)
        assert given.is_completed
        assert (await ada.wallet("gems")).balance == 480
        with pytest.raises(InsufficientFunds):
            await ada.tips.give("luna", Money(481, "gems"), "Ada")
    async with StorefrontClient(stream.url, key=SERVER_KEY) as server:
        await server.tips.give("luna", Money(30, "gems"), "Ada", customer="ada")
        assert (await server.wallet("gems", customer="ada")).balance == 450


async def test_the_blocking_client_gives_too(stream):
    def play():
        with BlockingStorefront(stream.url, public=True) as fan:
            return fan.tips.creator("luna").name, fan.tips.give("luna", Money(500, "USD"), "Mio").status

    assert await asyncio.to_thread(play) == ("Luna", "pending")


async def test_the_javascript_client_gives_the_same(stream):
    await stream.bought("gems-500", customer="ada")
    async with running_node() as node:
        seen = await node.run(
            """
            const fan = open(url, { public: true });
            const [luna] = await fan.tips.creators({ language: "de" });
            const asked = { amount: { amount: 500, currency: "USD" }, name: "Mio", message: "For the cat",
              idempotency_key: "once" };
            const pending = await fan.tips.give("luna", asked);
            const again = await fan.tips.give(luna, asked);
            const wrong = await fan.tips.give("luna", { ...asked, amount: { amount: 99, currency: "USD" },
              idempotency_key: "low" }).catch((error) => [error.name, error.facts.min.amount]);
            kept.fan = fan;
            return { luna: [luna.id, luna.title, luna.min.USD], purchase: pending, replay: again.is_replay, wrong,
              tip: (await fan.tips.get(pending.details.tip)).state,
              nobody: await fan.tips.creator("nobody").catch((error) => error.name) }""",
            url=stream.url,
        )
        assert (seen["luna"], seen["replay"], seen["tip"]) == (["luna", "Luna spielt", 100], True, "pending")
        assert (seen["wrong"], seen["nobody"]) == (["AmountOutOfRange", 100], "NotFound")
        await stream.pay(seen["purchase"])
        await stream.quiet()
        after = await node.run(
            """
            const { fan } = kept;
            const mine = open(url, { token });
            await mine.me();
            await mine.tips.give("luna", { amount: { amount: 20, currency: "gems" }, name: "Ada" });
            const paid = await fan.tips.finalize(tip);
            return { paid: [paid.state, paid.name], gems: (await mine.wallet("gems")).balance,
              tips: (await fan.tips.list("luna", { limit: 1 })).tips.length,
              goal: (await fan.tips.goals("luna"))[0].amount.amount,
              first: (await fan.tips.leaderboard("luna", { span: "day", currency: "USD" })).data[0].name }""",
            url=stream.url,
            token=await stream.session("ada"),
            tip=seen["purchase"]["details"]["tip"],
        )
        assert after == {"paid": ["paid", "Mio"], "gems": 480, "tips": 1, "goal": 500, "first": "Mio"}
        await node.close_all()
