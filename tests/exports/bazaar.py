"""A shop that sells, gives, counts and judges everything that there is, and one day of it, so that no list is empty."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from storefront.testing import OPERATOR_KEY, Shop, running_shop
from tests.fanfunding.pledging import pledged
from tests.fanfunding.tipping import LUNA, begin_payout, tip
from tests.subscriptions.changing import change, pass_days
from tests.subscriptions.gifting import gift
from tests.subscriptions.subscribing import subscribe

HOSTILE = '=1;=HYPERLINK("http://evil.example","go")'
"""What a stranger may be called."""
BAZAAR = """
shop: {name: Bazaar}
mode: sandbox
data: ${DATA}
web: {rate_limits: {checkout: {per: address, rate: 100000, period_seconds: 1}}}
webhooks: {allow: ["http://127.0.0.1:9"]}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: pk_sandbox_demo, kind: publishable}
  - {key: ak_sandbox_demo, kind: operator}
gateways:
  sandbox: {}
  manual: {instructions: Send it.}
plugins:
  microtransactions: {}
  subscriptions: {pause: {customers: true}}
  fanfunding:
    share: 50%
    currencies: [USD, gems]
    creators: {luna: {file: luna.yaml, share: 90%, hold_days: 1}}
  fraud:
    lists: {blocked: [KP], reported_customers: []}
    rules:
      - {id: many, do: review, when: "quantity > 3"}
  mail: {host: 127.0.0.1, port: 9, security: none, from: shop@example.com}
assets: {gems: {title: Gems}, credits: {title: Credits, exponent: 2}}
entitlements: {sword: {title: May wield the sword}, lounge: {title: Lounge}}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499}}
  sword:
    kind: item
    type: durable
    title: "=1+1 sword, \\"sharp\\"\\nand long"
    prices: {gems: 120}
    grants: [sword]
    delivery: {on_purchase: [{to: realm, command: "give {player} sword"}]}
  potion: {kind: item, type: consumable, title: "مشروب", prices: {gems: 15}, transferable: true}
  banner: {kind: item, type: consumable, unique: true, title: Banner, prices: {gems: 5}}
  chest: {kind: container, title: Chest, prices: {gems: 10}, drops: [{weight: 1, gives: {potion: 1}}]}
  bronze: {kind: subscription, family: club, title: Bronze, interval: 30 days, prices: {USD: 1000},
           grants: [lounge], credits: {gems: {amount: 300, every: 30 days}}}
  silver: {kind: subscription, family: club, title: Silver, interval: 30 days, prices: {USD: 2000}, grants: [lounge]}
  worker: {kind: subscription, family: work, title: Worker, interval: 30 days, prices: {USD: 1000}, usage: {
             api: {meter: calls, title: API calls, model: per_unit, price: "2.5", included: 10}}}
promo_codes:
  NEWS: {percent: 20, bulk: true}
  SPRING: {percent: 10}
referrals: {reward: {referrer: {gems: 10}, referred: {gems: 5}}, minimum: {USD: 100}}
transfers: {customers: true, assets: {gems: {minimum: 5, maximum: 400, per_day: 600, fee_basis_points: 250}}}
meters:
  calls: {event_type: call, aggregation: sum, value: n}
  packs: {event_type: pack, aggregation: count, period: day}
usage:
  packs: {meter: packs, mode: postpaid, asset: USD, model: package, package: 10, price: "99"}
experiments:
  cheap-sword: {offer: sword, variants: {control: {weight: 50}, cheap: {weight: 50, prices: {gems: 99}}}}
auto_top_up: {}
"""
LUNA_TODAY = (
    LUNA
    + """
badges: [{id: founder, when: {first: 2}}]
goals:
  - {id: mic, title: Microphone, target: {USD: 500}}
  - {id: tour, title: The tour, target: {USD: 100000}, mode: all_or_nothing, deadline: 'DEADLINE'}
"""
)


@asynccontextmanager
async def bazaar(folder: Path, database: str | None) -> AsyncIterator[Shop]:
    """Open the shop, and let its one day happen."""
    deadline = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    (folder / "luna.yaml").write_text(LUNA_TODAY.replace("DEADLINE", deadline))
    async with running_shop(folder, BAZAAR, database=database) as shop:
        for name in ("ada", "bob", HOSTILE):
            await shop.session(name)
        await happen(shop)
        yield shop


async def happen(shop: Shop) -> None:
    """Let everything happen once."""
    await _subscribe(shop)
    await _sell(shop)
    await _give(shop)
    await _collect(shop)
    await _operate(shop)
    await shop.quiet()


async def _sell(shop: Shop) -> None:
    server, operator, ada = shop.as_server(), shop.bearing(OPERATOR_KEY), shop.as_customer("ada")
    code = (await ada.get("/v1/me/referral")).json["code"]
    assert (await shop.as_customer(HOSTILE).post("/v1/me/referral", {"code": code})).status in (200, 201)
    back = await shop.bought("gems-500")
    bad = await shop.bought("gems-500", customer=HOSTILE, metadata={"note": "\t=cmd|' /C calc'!A0"})
    await shop.bought("gems-500", promo_codes=["SPRING"])
    for sku in ("sword", "banner", "chest", "potion"):
        assert (await shop.buy(sku)).status == 201, sku
    odds = (await ada.get("/v1/microtransactions/containers/chest/odds")).json["odds_version"]
    opened = await ada.post("/v1/microtransactions/containers/chest/open", {"odds_version": odds}, key="open")
    assert opened.status == 201, opened
    many = await shop.buy("potion", quantity=4)
    assert many.status == 202, many
    refund = {"reason": '+asked\nfor, "twice"', "amount": 100}
    assert (await server.post(f"/v1/purchases/{back['id']}/refunds", refund, key="back")).status in (201, 202)
    by_hand = await shop.buy("gems-500", pay_with="manual")
    assert by_hand.status == 202, by_hand
    await shop.sandbox.dispute(bad, "needs_response")
    await shop.quiet()
    assert (await operator.post("/v1/promo-codes/NEWS/codes", {"batch": "may", "count": 3})).status == 200


async def _give(shop: Shop) -> None:
    server, ada = shop.as_server(), shop.as_customer("ada")
    for number, name in enumerate(("ada", HOSTILE)):
        body = {"customer": name, "asset": "gems", "amount": 90, "reason": "@SUM(1+1)*cmd"}
        assert (await server.post("/v1/grants", body, key=f"grant-{number}")).status == 201
    hold = {"customer": "ada", "asset": "gems", "amount": 20, "expires_in_seconds": 300, "reason": "-auction 42"}
    assert (await server.post("/v1/holds", hold, key="hold")).status == 201
    passed = await ada.post("/v1/transfers", {"to": "bob", "asset": "gems", "amount": 40}, key="pass")
    assert passed.status == 201, passed
    method = (await ada.get("/v1/payment-methods")).json["data"][0]["id"]
    terms = {"asset": "gems", "below": 5, "sku": "gems-500", "payment_method": method, "consent": True,
             "daily_cap": {"amount": 998, "currency": "USD"}, "consent_text": "=yes"}  # fmt: skip
    agreed = await ada.put("/v1/me/auto-top-up", terms)
    assert agreed.status == 200, agreed


async def _subscribe(shop: Shop) -> None:
    ada = shop.as_customer("ada")
    club = await subscribe(shop, "bronze")
    await change(shop, club, "silver")
    paused = await ada.post(f"/v1/subscriptions/{club}/pause", {})
    assert paused.status == 200, paused
    await gift(shop, "bronze", 1)
    work = await subscribe(shop, "worker")
    await pass_days(shop, 1)  # usage is counted by the hour: that of the first is nobody's
    await _use(shop, "call", "c1", n=200)
    await _use(shop, "pack", "p1")
    await pass_days(shop, 1.2)
    ended = await ada.post(f"/v1/subscriptions/{work}/cancel", {"at": "now"})
    assert ended.status == 200, ended
    await pass_days(shop, 0.2)


async def _use(shop: Shop, kind: str, number: str, **data: Any) -> None:
    event = {"specversion": "1.0", "id": number, "source": "/game", "type": kind, "subject": "ada", "data": data}
    told = await shop.as_server().post("/v1/usage", event)
    assert told.json["accepted"] == 1, told


async def _collect(shop: Shop) -> None:
    await tip(shop, 600, by=shop.as_server(), customer=HOSTILE, name="@Mio", message="=1+1")
    await pledged(shop, 555)
    await shop.quiet()
    await pass_days(shop, 1.1)
    begun = await begin_payout(shop, 100)
    assert begun.status == 201, begun


async def _operate(shop: Shop) -> None:
    server, operator = shop.as_server(), shop.bearing(OPERATOR_KEY)
    key = await operator.post("/v1/keys", {"kind": "server", "name": "=A1", "scopes": ["purchases:read"]})
    assert key.status == 201, key
    endpoint = {"url": "http://127.0.0.1:9/hook", "event_types": ["grant.*"], "description": "+1"}
    assert (await operator.post("/v1/webhook-endpoints", endpoint)).status == 201
    listed = {"values": ["-1"], "reason": "=seen"}
    assert (await server.post("/v1/fraud/lists/reported_customers/add", listed)).status == 200
    assert (await server.put("/v1/mail/customers/ada", {"email": "ada@example.com"})).status == 200
    await shop.sandbox.charge_of_others(2500)
    await shop.quiet()
    assert (await operator.post("/v1/reconciliations", {"gateway": "sandbox"})).status == 200
    gems = {"customer": "ada", "asset": "gems", "amount": 1, "reason": "for the hook"}
    assert (await server.post("/v1/grants", gems, key="hook")).status == 201
    await shop.bought("gems-500")
    await shop.quiet()
    (hook,) = (await operator.get("/v1/webhook-endpoints")).json["data"]
    paused = await operator.post(f"/v1/webhook-endpoints/{hook['id']}/pause")
    assert paused.status == 200, paused
