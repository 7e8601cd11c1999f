"""The tip page over HTTP, as a browser without script uses it."""

import asyncio
import re
import unicodedata
from html import unescape

import aiohttp
import pytest

from storefront.testing import running_shop
from tests.fanfunding.hostile import HOSTILE, REFUSED
from tests.fanfunding.test_control import Device, invited
from tests.fanfunding.tipping import FAN_SHOP, LUNA, tip


class Fan:
    """A browser without script: it keeps cookies and sends forms."""

    def __init__(self, shop, session):
        self._shop, self._session = shop, session

    async def get(self, path):
        async with self._session.get(self._shop.url + path, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers

    async def post(self, path, form):
        asked = self._session.post(
            self._shop.url + path, data=form, allow_redirects=False, headers={"Origin": self._shop.url}
        )
        async with asked as answer:
            return answer.status, await answer.text(), answer.headers

    async def form(self, path="/tip/luna"):
        """Load the page; return what its form holds as it stands."""
        _, page, _ = await self.get(path)
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        return {**hidden, "name": "Mio", "other": "5"}


@pytest.fixture
async def fan(stream):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Fan(stream, session)


async def test_a_fan_tips_by_a_plain_form_once_and_gets_a_ticket(stream, fan):
    status, page, headers = await fan.get("/tip/luna")
    assert status == 200
    assert "Luna plays" in page
    assert "Be the first name here" in page
    assert "Test mode" in page
    assert 'property="og:title" content="Tip Luna"' in page
    cookie = next(one for one in headers.getall("Set-Cookie") if one.startswith("storefront_fan="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    form = {**await fan.form(), "other": "5,55", "message": "For the cat"}
    first = await fan.post("/tip/luna", form)
    again = await fan.post("/tip/luna", form)
    assert (first[0], again[0], first[2]["Location"]) == (303, 303, again[2]["Location"])
    (row,) = stream.query("SELECT id, purchase_id, amount, currency FROM fanfunding_tips")
    assert (row["amount"], row["currency"]) == (555, "USD")

    ticket = f"/tip/luna/tips/{row['id']}"
    _, page, _ = await fan.get(ticket)
    assert "Waiting for your bank. Keep this page open." in page
    assert f'content="3; url=/tip/luna/return?purchase={row["purchase_id"]}"' in page
    await stream.pay(await stream.as_server().get(f"/v1/purchases/{row['purchase_id']}"))
    _, _, headers = await fan.get(f"/tip/luna/return?purchase={row['purchase_id']}")
    assert headers["Location"] == ticket
    _, page, _ = await fan.get(ticket)
    for words in ("Thank you, Mio", "$5.55", "For the cat", "Nobody is ahead of you."):
        assert words in page, words
    assert "refresh" not in page
    assert [amount for _, amount in await stream.sandbox.charged()] == [555]
    await stream.quiet()
    _, page, _ = await fan.get("/tip/luna")
    assert "For the cat" in page
    assert "Kindest of all" in page

    (one,) = {row["customer_id"] for row in stream.query("SELECT customer_id FROM fanfunding_tips")}
    form = await fan.form()
    await asyncio.gather(*(fan.post("/tip/luna", form) for _ in range(4)))
    assert len(stream.query("SELECT id FROM fanfunding_tips")) == 2
    assert {row["customer_id"] for row in stream.query("SELECT customer_id FROM fanfunding_tips")} == {one}


async def test_what_waits_to_be_read_is_its_givers_alone_and_who_left_pays_nothing(stream, fan):
    await fan.post("/tip/luna", {**await fan.form(), "message": "see www.luna.example"})
    (row,) = stream.query("SELECT id, purchase_id FROM fanfunding_tips")
    await stream.pay(await stream.as_server().get(f"/v1/purchases/{row['purchase_id']}"))
    await fan.get(f"/tip/luna/return?purchase={row['purchase_id']}")
    _, page, _ = await fan.get(f"/tip/luna/tips/{row['id']}")
    assert "www.luna.example" in page
    assert "Somebody reads it before it is shown." in page
    async with aiohttp.ClientSession() as nobody:
        _, page, _ = await Fan(stream, nobody).get(f"/tip/luna/tips/{row['id']}")
        assert "www.luna.example" not in page
        assert "Mio" not in page
    await fan.post("/tip/luna", await fan.form())
    (left,) = stream.query("SELECT id, purchase_id FROM fanfunding_tips WHERE state = 'pending'")
    async with aiohttp.ClientSession() as nobody:
        await Fan(stream, nobody).get(f"/tip/luna/return?purchase={left['purchase_id']}&canceled=1")
    assert stream.query("SELECT state FROM fanfunding_tips WHERE id = ?", left["id"]) == [{"state": "pending"}]
    await fan.get(f"/tip/luna/return?purchase={left['purchase_id']}&canceled=1")
    await stream.quiet()
    _, page, _ = await fan.get(f"/tip/luna/tips/{left['id']}")
    assert "The payment was not made. Nothing was charged." in page


async def test_a_tip_whose_payment_page_did_not_open_is_the_same_tip_when_it_is_sent_again(stream, fan):
    await stream.sandbox.misbehave("lose_reply", "POST /v1/checkout/sessions", times=9)
    form = await fan.form()
    status, page, _ = await fan.post("/tip/luna", form)
    assert (status, "does not open right now. Nothing was charged." in page) == (422, True)
    assert f'name="idempotency_key" value="{form["idempotency_key"]}"' in page
    await stream.sandbox.misbehave("lose_reply", "POST /v1/checkout/sessions", clear=True)
    status, _, _ = await fan.post("/tip/luna", form)
    assert status == 303
    (row,) = stream.query("SELECT purchase_id FROM fanfunding_tips WHERE state = 'pending'")
    await stream.pay(await stream.as_server().get(f"/v1/purchases/{row['purchase_id']}"))
    await fan.get(f"/tip/luna/return?purchase={row['purchase_id']}")
    assert [amount for _, amount in await stream.sandbox.charged()] == [500]


async def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(stream, fan):
    wrong = {
        "amount": [{"other": "0.99"}, {"other": "500.01"}, {"other": "5.555"}, {"other": "lots"}, {"other": "-5"},
                   {"other": ""}, {"other": "9" * 30}],
        "name": [{"name": one} for one in ("", "M", *REFUSED)],
        "message": [{"message": "\u202ex"}, {"message": "x" * 301}, {"other": "1", "message": "x" * 21}],
    }  # fmt: skip
    for field, forms in wrong.items():
        for more in forms:
            form = {**await fan.form(), "message": "my words", **more}
            status, page, _ = await fan.post("/tip/luna", form)
            assert (status, f'id="{field}-error"' in page) == (422, True), more
            assert "There is a problem" in page
            assert "<title>Error: " in page
            assert form["message"] in unescape(page) or "message" in more
    _, page, _ = await fan.post("/tip/luna", {**await fan.form(), "other": "0", "name": "", "message": "x" * 400})
    assert page.count('-error"><svg') == 3
    stale = {**await fan.form(), "csrf": "another"}
    status, page, _ = await fan.post("/tip/luna", stale)
    assert (status, "This page was too old. Nothing was charged." in page) == (422, True)
    status, _, _ = await fan.post("/tip/luna", {**await fan.form(), "message": "x" * 200_000})
    assert status in (413, 422)
    status, _, _ = await fan.post("/tip/luna", {**await fan.form(), "name": "x\u0000y"})
    assert status == 400
    status, page, _ = await fan.get("/tip/nobody")
    assert (status, "Traceback" in page, "nobody" in page) == (404, False, False)
    assert (await fan.get("/tip/luna/tips/tip_x"))[0] == 404
    assert stream.query("SELECT id FROM fanfunding_tips") == []


async def test_a_fan_chooses_a_currency_and_a_creator_who_takes_none_has_no_form(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA)
    (data_folder / "nova.yaml").write_text("{name: Nova, tips: {min: {gems: 10}}}")
    both = FAN_SHOP.replace("creators: {luna", "creators: {nova: {file: nova.yaml, currencies: [gems]}, luna")
    async with running_shop(data_folder, both, database=database_url) as shop, aiohttp.ClientSession() as session:
        fan = Fan(shop, session)
        _, page, _ = await fan.get("/tip/luna?currency=EUR")
        assert "(€0.80 to" in page or "(€0.80 or more)" in page
        assert "€4.00" in page  # where gold begins: 1 EUR is worth 1.25 USD
        _, page, _ = await fan.get("/tip/nova?currency=XXX&utm_source=x")
        assert "Nova takes no tips right now." in page
        assert "<form" not in page


UNWANTED = re.compile(
    r"<(img|iframe|style|base|plaintext|math|meta http|svg onload|svg>|script>|body onload|select|marquee|audio|video"
    r"|template|noscript|xmp|title>x|frameset|bgsound|object|embed|isindex)"
)


def plain(words):
    """Return words as they are kept: composed, in one line."""
    return " ".join(unicodedata.normalize("NFC", words).split())


async def test_hostile_words_are_shown_literally_or_refused_on_the_tip_page_and_the_control_page(
    stream, fan, data_folder
):
    assert len(HOSTILE) >= 120
    told = LUNA.replace("max_chars: 20", "max_chars: 300").partition("moderation:")[0]  # nothing waits to be read
    (data_folder / "luna.yaml").write_text(told)
    await stream.restart()
    server = stream.as_server()
    await server.post("/v1/grants", {"customer": "ada", "asset": "gems", "amount": 5000, "reason": "t"}, key="g")
    given = {"by": server, "customer": "ada"}
    for start in range(0, len(HOSTILE), 8):
        some = HOSTILE[start : start + 8]
        for words in some:
            await tip(stream, 20, "gems", name=f"{words[:12]} x", message=words, **given)
        _, page, _ = await fan.get("/tip/luna")
        assert not UNWANTED.search(page), some
        lines = [unescape(one) for one in re.findall(r'<p class="recent__message" dir="auto">([^<]*)</p>', page)]
        assert lines[: len(some)] == [plain(words) for words in reversed(some)]
    async with Device(stream) as phone:
        await phone.sign_in(await invited(stream))
        assert not UNWANTED.search(phone.html)
        shown = re.findall(r'<span class="row__message user-text" dir="auto">([^<]*)</span>', phone.html)
        kept = {plain(words) for words in HOSTILE}
        assert (len(shown) >= 100, {unescape(one) for one in shown} - kept) == (True, set())
    form = {**await fan.form(), "name": "x", "message": "</textarea><script>alert(1)</script>"}
    _, page, _ = await fan.post("/tip/luna", form)
    assert "<script>alert" not in page
    assert "&lt;/textarea&gt;" in page
