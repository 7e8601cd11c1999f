"""What a game's server does in Node: vouch, give, hold, report, follow; and its receiver of webhooks."""

import pytest

from storefront.testing import SERVER_KEY
from tests.webhooks.conftest import Operator, settled

from .runtimes import JsError

pytestmark = pytest.mark.asyncio(loop_scope="session")
SERVER = f"const server = kept.server ??= open(url, {{ key: '{SERVER_KEY}' }}); "


async def test_a_server_vouches_for_a_customer_and_sees_the_ones_it_names(game, player):
    seen = await player.js(
        SERVER
        + """
        const session = await server.sessions.create(name, { ttl_seconds: 300, country: "DE" });
        const theirs = open(url, { token: session.token });
        await theirs.purchase("sword", { expected_price: { amount: 120, currency: "gems" } });
        await server.purchase("potion", { quantity: 3, customer: name });
        const { balance } = await server.wallet("gems", { customer: name });
        return [session.customer, session.links.shop.startsWith("http"), (await server.me({ customer: name })).customer,
          balance, (await server.check("sword", 1, { customer: name })).allowed,
          await server.consume("potion", { customer: name }), (await server.inventory({ customer: name })).length,
          (await server.check("sword", 1, { customer: "nobody" })).reason]"""
    )
    assert seen == [player.name, True, player.name, 335, True, 2, 2, "unknown"]
    with pytest.raises(JsError) as forbidden:
        await player.js("await me.sessions.create('mallory')")
    assert forbidden.value.name == "Forbidden"


async def test_a_server_grants_and_refunds(player):
    seen = await player.js(
        SERVER
        + """
        const gift = { asset: "gems", amount: 200, reason: "a prize", idempotency_key: `prize-${name}` };
        const grant = await server.grants.create(name, gift);
        const again = await server.grants.create(name, gift);
        const potions = await server.purchase("potion", { quantity: 4, customer: name });
        await server.consume("potion", { customer: name });
        const used = await server.refund(potions, { reason: "a mistake" }).catch((error) => error);
        const shown = await server.refund(potions, { quantity: 3, reason: "a mistake", dry_run: true });
        const whole = { quantity: 3, reason: "a mistake", idempotency_key: `back-${name}` };
        const made = await server.refund(potions, whole);
        const twice = await server.refund(potions, whole);
        return { grants: [grant.id === again.id, again.is_replay, (await server.grants.get(grant.id)).amount],
          used: [used.name, used.facts.missing], shown: [shown.id, shown.amount],
          made: [made.amount, made.state, twice.id === made.id, twice.is_replay],
          refunds: (await server.refunds(potions)).length,
          receipt: await server.receipt(potions).catch((error) => error.name) }"""
    )
    assert seen == {
        "grants": [True, True, 200],
        "used": ["GoodsUsed", [{"sku": "potion", "quantity": 1}]],
        "shown": [None, {"amount": 45, "currency": "gems"}],
        "made": [{"amount": 45, "currency": "gems"}, "completed", True, True],
        "refunds": 1,
        "receipt": "NoReceipt",
    }


async def test_a_server_holds_funds_and_takes_a_part(player):
    seen = await player.js(
        SERVER
        + """
        const hold = await server.holds.place(name, "gems", 200, { expires_in_seconds: 300, reason: "auction 42" });
        const small = await server.holds.capture(hold, { amount: 201 }).catch((error) => [error.name, error.facts]);
        const taken = await server.holds.capture(hold, { amount: 150, idempotency_key: `sold-${name}` });
        const again = await server.holds.capture(hold.id, { amount: 150, idempotency_key: `sold-${name}` });
        const over = await server.holds.release(hold).catch((error) => [error.name, error.facts]);
        for (let at = 0; at < 51; at += 1) {
          kept.last = await server.holds.place(name, "gems", 1, { expires_in_seconds: 60, reason: `match ${at}` });
        }
        await server.holds.release(kept.last);
        const listed = [];
        for await (const one of server.holds.list({ customer: name })) listed.push(one.reason);
        const released = [];
        for await (const one of server.holds.list({ customer: name, state: "released" })) released.push(one.id);
        return { small, taken: [taken.captured, again.is_replay], over, state: (await server.holds.get(hold)).state,
          listed: [listed.length, listed[0], listed.at(-1)], released: released.length }"""
    )
    assert seen == {
        "small": ["HoldTooSmall", {"held": 200, "required": 201}],
        "taken": [150, True],
        "over": ["HoldNotOpen", {"state": "captured", "captured": 150}],
        "state": "captured",
        "listed": [52, "match 50", "auction 42"],
        "released": 1,
    }


async def test_usage_counts_once_although_a_reply_is_lost(game, road, player):
    road.lose_replies()
    seen = await player.js(
        SERVER
        + """
        const events = Array.from({ length: 600 }, () => sdk.usageEvent("api.call", name));
        const found = await server.usage.report([...events, sdk.usageEvent("nothing", name)]);
        const careless = await server.usage.report([{ type: "api.call" }]).catch((error) => error.name);
        return [found.accepted, found.duplicates, found.rejected[0].reason, found.rejected[0].event.type, careless]"""
    )
    assert seen == [100, 500, "unknown_type", "nothing", "TypeError"]
    assert road.requests == ["POST /v1/usage"] * 3
    counted = await player.js(SERVER + "return (await server.check('api', 1, { customer: name })).remaining")
    assert counted == 49_400  # of 500 gems at a hundredth


async def test_a_buffer_keeps_what_could_not_be_sent_and_sends_what_is_left(game, road, player):
    road.answer(503)
    seen = await player.js(f"""
        const server = open(url, {{ key: "{SERVER_KEY}", tries: 1 }});
        const failed = new Promise((resolve) => server.on("error", resolve));
        const usage = server.usage.buffered({{ most: 50, every_seconds: 60 }});
        for (let at = 0; at < 60; at += 1) usage.add(sdk.usageEvent("api.call", name, {{}}, {{ id: name + at }}));
        const {{ name: why }} = await failed;
        const waiting = usage.size;
        usage.add(sdk.usageEvent("nothing", name));
        await usage.close();
        return [why, waiting, usage.size, usage.rejected.map((one) => one.reason),
          (await server.check("api", 1, {{ customer: name }})).remaining]""")
    assert seen == ["Unavailable", 60, 0, ["unknown_type"], 49_940]
    assert road.requests.count("POST /v1/usage") == 3


async def test_a_follower_that_stops_anywhere_loses_nothing_and_outlives_a_shop_that_is_away(game, road, player):
    start = (await game.as_server().get("/v1/events?limit=100")).json["next"]
    while (page := (await game.as_server().get(f"/v1/events?limit=100&after={start}")).json)["data"]:
        start = page["next"]
    for _ in range(3):
        await game.bought("potion", customer=player.name)
    seen = await player.js(
        """
        const server = open(url, { key, tries: 1 });
        const missed = [];
        server.on("error", (error) => missed.push(error.name));
        const follow = async (cursor, most) => {
          const ids = [];
          for await (const event of server.events.follow(cursor, { pause_seconds: 0.01 })) {
            ids.push(event.id);
            cursor = event.cursor;
            if (ids.length === most) break;
          }
          return [ids, cursor];
        };
        const { events } = await server.events.read(start);
        const all = events.map((event) => event.id);
        const wrong = [];
        for (let stop = 1; stop < all.length; stop += 1) {
          const [first, cursor] = await follow(start, stop);
          const [rest] = await follow(cursor, cursor === start ? all.length : all.length - stop);
          if (String([...new Set([...first, ...rest])]) !== String(all)) wrong.push(stop);
        }
        return [all.length, wrong, missed]""",
        key=SERVER_KEY,
        start=start,
    )
    assert seen[0] >= 3
    assert seen[1:] == [[], []]
    road.lose_replies(2)
    away = await player.js(
        """
        const server = open(url, { key, tries: 1 });
        const missed = [], ended = new AbortController();
        server.on("error", (error) => missed.push(error.name));
        for await (const event of server.events.follow(start, { pause_seconds: 0.01, signal: ended.signal })) {
          kept.first = event.type;
          break;
        }
        const quiet = server.events.follow((await server.events.read(start)).next, { signal: ended.signal });
        setTimeout(() => ended.abort(), 0);
        return [kept.first, missed, (await quiet.next()).done]""",
        key=SERVER_KEY,
        start=start,
    )
    assert away == ["purchase.completed", ["ConnectionLost", "ConnectionLost"], True]


async def test_real_deliveries_are_verified_and_nothing_else_is(game, receiver, player):
    endpoint = await Operator(game).add(receiver.url, "purchase.completed")
    await game.bought("potion", customer=player.name)
    await settled(game)
    (delivery,) = receiver.received
    await Operator(game).send("DELETE", f"/{endpoint['id']}")
    good = {"secret": endpoint["secret"], "headers": delivery.headers, "body": delivery.body.decode()}
    verify = "return sdk.verifyWebhook(secret, headers, body)"
    assert await player.js(verify, **good) == delivery.event
    assert (
        await player.js(
            "return me.webhooks.verify(secret, new Headers(headers), new TextEncoder().encode(body))", **good
        )
        == delivery.event
    )
    signature, stamp = delivery.headers["webhook-signature"], delivery.headers["webhook-timestamp"]
    rotated = {**delivery.headers, "webhook-signature": f"v1a,bm8= v1,!!! v1,bm8= {signature}"}
    assert await player.js(verify, **{**good, "headers": rotated}) == delivery.event
    headers = {name: value for name, value in delivery.headers.items() if name.startswith("webhook-")}
    signatures = ("", "v1,", "v1", signature[3:], "v2" + signature[2:])
    stamps = ("", "soon", str(int(stamp) + 1), stamp + ".0")
    bad = [
        {"body": good["body"].replace("purchase.completed", "purchase.refunded")},
        {"body": good["body"] + " "},
        {"secret": "whsec_" + "A" * 32},
        *({"headers": {**headers, "webhook-signature": text}} for text in signatures),
        *({"headers": {**headers, "webhook-timestamp": text}} for text in stamps),
        {"headers": {**headers, "webhook-id": "evt_other"}},
        {"headers": {**headers, "Webhook-Id": headers["webhook-id"]}},
        {"headers": {name: headers[name] for name in headers if name != "webhook-signature"}},
    ]  # fmt: skip
    for change in bad:
        with pytest.raises(JsError) as refused:
            await player.js(verify, **{**good, **change})
        assert refused.value.name == "WebhookInvalid", change
    aged = (
        "return sdk.verifyWebhook(secret, headers, body, { now_seconds: Number(headers['webhook-timestamp']) + age })"
    )
    for age, is_taken in [(299, True), (300, False), (-299, True), (-300, False)]:
        try:
            await player.js(aged, **good, age=age)
            assert is_taken, age
        except JsError:
            assert not is_taken, age


async def test_a_game_begins_changes_gives_and_ends_a_subscription(game, player):
    seen = await player.js(
        SERVER
        + """
        await server.grants.create(name, { asset: "gems", amount: 4500, reason: "start" });
        await server.sessions.create(`${name}-friend`);
        const plans = me.subscriptions;
        const no = (await me.check("lounge")).allowed;
        const bought = await plans.subscribe("bronze", { currency: "gems", idempotency_key: `sub-${name}` });
        const again = await plans.subscribe("bronze", { currency: "gems", idempotency_key: `sub-${name}` });
        const [mine] = await plans.list();
        const seen = await plans.preview(mine.id, "silver");
        const changed = await plans.change(mine.id, { token: seen.token });
        const later = await plans.change(mine.id, { tier: "bronze" });
        const revoked = await plans.revokeChange(mine.id);
        const given = await plans.gift("bronze", { recipient: `${name}-friend`, periods: 2, currency: "gems" });
        const steps = [(await plans.cancel(mine.id)).will_renew, (await plans.resume(mine.id)).will_renew,
          (await server.subscriptions.pause(mine.id)).pause.state,
          (await plans.cancel(mine.id, { at: "now" })).billing_state];
        const over = await plans.cancel(mine.id).catch((error) => [error.name, error.code]);
        return { before: no, bought: [bought.is_completed, again.is_replay, bought.details.subscription === mine.id],
          seen: [seen.lines.map((line) => line.total.amount), seen.timing], changed: changed.is_completed,
          later: [later.sku, later.pending_change.tier], revoked: revoked.pending_change,
          given: given.total, invoices: (await plans.invoices(mine.id)).map((one) => [one.state, one.total.amount]),
          credits: (await plans.credits(mine.id)).data, steps, over, got: (await plans.get(mine.id)).billing_state,
          after: (await me.check("lounge")).allowed }"""
    )
    assert seen == {
        "before": False,
        "bought": [True, True, True],
        "seen": [[600], "now"],
        "changed": True,
        "later": ["silver", "bronze"],
        "revoked": None,
        "given": {"amount": 600, "currency": "gems"},
        "invoices": [["paid", 300]],
        "credits": [],
        "steps": [False, True, "scheduled", "canceled"],
        "over": ["Conflict", "subscription_over"],
        "got": "canceled",
        "after": False,
    }
