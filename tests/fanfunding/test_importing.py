"""What fans gave on Ko-fi: shown and counted once, however often it is told of, and in no book."""

import asyncio
import json
from urllib.parse import urlencode

import aiohttp
import pytest

from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, tip

TOKEN = "0f6c2a1e-kofi"
SHOP = FAN_SHOP.replace("hold_days: 1}", 'hold_days: 1, imports: {kofi: {token: "${KOFI_TOKEN}"}}}')
GOALS = (
    LUNA + "goals: [{id: mic, title: Mic, target: {USD: 10000}}, {id: net, title: N, target: {USD: 1}, measure: net}]\n"
)
DONATION = {
    "verification_token": TOKEN,
    "message_id": "3a1fac0c-f960-4506-a60e-824979a74e74",
    "timestamp": "2026-11-28T12:30:00Z",
    "type": "Donation",
    "is_public": True,
    "from_name": "Ko-fi Team",
    "message": "Good luck with the integration!",
    "amount": "27.95",
    "url": "https://ko-fi.com/Home/CoffeeShop?txid=0a1fac0c",
    "email": "jo.example@example.com",
    "currency": "USD",
    "is_subscription_payment": False,
    "is_first_subscription_payment": False,
    "kofi_transaction_id": "0a1fac0c-f960-4506-a60e-824979a74e74",
    "shop_items": None,
    "tier_name": None,
}


@pytest.fixture
async def stream(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(GOALS)
    async with running_shop(data_folder, SHOP, environ={"KOFI_TOKEN": TOKEN}, database=database_url) as shop:
        yield shop


async def tell(shop, *, creator="luna", importer="kofi", raw=None, **other):
    body = urlencode({"data": json.dumps({**DONATION, **other})}) if raw is None else raw
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with aiohttp.ClientSession() as http:
        address = f"{shop.url}/v1/fanfunding/creators/{creator}/imports/{importer}"
        async with http.post(address, data=body, headers=headers) as answer:
            return answer.status, await answer.json()


async def test_a_donation_is_shown_and_counted_once_and_moves_no_money(stream):
    await tip(stream, 500)
    found = await asyncio.gather(*(tell(stream) for _ in range(6)))
    assert found == [(200, {"received": True})] * 6
    await tell(stream, message_id="two", is_public=False, message="between us", amount="5.00")
    await tell(stream, message_id="nothing", amount="0.00")
    await stream.quiet()
    nobody = stream.as_nobody()
    tips = (await nobody.get("/v1/fanfunding/creators/luna/tips")).json["data"]
    assert [(one["name"], one["amount"]["amount"], one["message"]) for one in tips] == [
        ("Ko-fi Team", 500, ""),
        ("Ko-fi Team", 2795, "Good luck with the integration!"),
        ("Mio", 500, ""),
    ]
    goals = (await nobody.get("/v1/fanfunding/creators/luna/goals")).json["data"]
    assert [one["amount"]["amount"] for one in goals] == [500 + 3295, 450 + 3295]
    board = (await nobody.get("/v1/fanfunding/creators/luna/leaderboard?span=all&currency=USD")).json["data"]
    assert [(one["name"], one["amount"]["amount"]) for one in board] == [("Ko-fi Team", 3295), ("Mio", 500)]
    states = stream.query("SELECT state FROM fanfunding_alerts ORDER BY sequence")
    assert [one["state"] for one in states] == ["queued"] * 3
    assert stream.query("SELECT COUNT(*) AS found FROM purchases") == [{"found": 1}]
    assert not any("jo.example" in str(row) for row in stream.query("SELECT * FROM customers"))
    assert stream.query("SELECT COUNT(DISTINCT customer_id) AS found FROM fanfunding_tips") == [{"found": 2}]


async def test_names_and_messages_of_elsewhere_are_moderated_and_cut(stream):
    await tell(
        stream, message_id="1", from_name="\u202egpj" + "x" * 90, message="see www.evil.example\nnow " + "y" * 9000
    )
    await tell(stream, message_id="2", from_name="\x00", message="a Spoiler")
    held = stream.query("SELECT name, message, is_anonymous, held_for FROM fanfunding_tips ORDER BY sequence")
    assert (held[0]["name"], held[0]["held_for"]) == ("gpj" + "x" * 22, "links")
    assert held[0]["message"].startswith("see www.evil.example now yyy")
    assert (held[1]["name"], held[1]["is_anonymous"], held[1]["held_for"]) == ("", 1, "words")


REFUSED = [
    ({"verification_token": "0f6c2a1e-kofI"}, 401),
    ({"verification_token": "ä"}, 401),
    ({"amount": "1.005"}, 422),
    ({"amount": "-3.00"}, 422),
    ({"amount": "9" * 12, "currency": "USD"}, 422),
    ({"currency": "usd"}, 422),
    ({"message_id": ""}, 422),
    ({"message_id": None}, 422),
    ({"raw": "data=%7B"}, 422),
    ({"raw": b"\xff\xfe"}, 422),
    ({"raw": "nothing=1"}, 422),
    ({"creator": "nova"}, 404),
    ({"importer": "patreon"}, 404),
]


async def test_what_is_not_ko_fis_is_refused_and_nothing_is_written(stream):
    before = stream.rows()
    for other, status in REFUSED:
        assert (await tell(stream, **other))[0] == status, other
    assert stream.rows() == before


async def test_nobody_is_a_fan_of_elsewhere_by_their_address(stream):
    await tell(stream, message="see www.example.org")
    await stream.quiet()
    (one,) = stream.query("SELECT id, customer_id FROM fanfunding_tips")
    for forged in (f"kofi:{DONATION['email']}", "\udcff" * 20, "short"):
        headers = {"Cookie": f"storefront_fan={forged}".encode("utf-8", "surrogateescape").decode("latin-1")}
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            async with http.get(f"{stream.url}/tip/luna/tips/{one['id']}", headers=headers) as page:
                assert (page.status, "www.example.org" in await page.text()) == (200, False)
            async with http.get(f"{stream.url}/tip/luna", headers=headers) as page:
                given = [cookie for cookie in page.headers.getall("Set-Cookie") if cookie.startswith("storefront_fan=")]
                assert (page.status, len(given)) == (200, 1)  # it is taken for a browser without a secret
