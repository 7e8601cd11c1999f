"""A creator signs in by a link that is good once, and steers their own queue and nobody else's."""

import asyncio
import re

import aiohttp
import pytest

from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, pay_out, tip
from tests.subscriptions.test_operating import shell_of

OVERLAY = "/v1/fanfunding/creators/luna/overlay"
TWO = FAN_SHOP.replace("creators: {luna:", "creators: {nova: {file: nova.yaml, share: 50%}, luna:", 1)


@pytest.fixture
async def two(data_folder, database_url):
    for name in ("luna", "nova"):
        (data_folder / f"{name}.yaml").write_text(LUNA.replace("Luna", name.title()))
    async with running_shop(data_folder, TWO, database=database_url) as shop:
        yield shop


class Device:
    """A browser without script: what it is sent, and the forms that it sends."""

    def __init__(self, shop):
        self._shop = shop
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.html = ""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self._http.close()

    async def open(self, path="/creator"):
        async with self._http.get(self._shop.url + path) as answer:
            self.html = await answer.text()
            return answer.status

    async def send(self, path, **fields):
        csrf = re.search(r'name="csrf" value="([^"]+)"', self.html)
        fields = {"csrf": csrf[1] if csrf else "none", **fields}
        async with self._http.post(f"{self._shop.url}/creator/{path}", data=fields) as answer:
            self.html = await answer.text()
            return answer.status, str(answer.url.relative())

    async def sign_in(self, code):
        async with self._http.post(f"{self._shop.url}/creator/sign-in", data={"code": code}) as answer:
            self.html = await answer.text()
            return answer.status


async def invited(shop, creator="luna"):
    answer = await shop.as_server().post(f"/v1/fanfunding/creators/{creator}/invitations")
    assert answer.status == 201, answer
    assert answer.json["url"].endswith(f"/creator#code={answer.json['code']}")
    return answer.json["code"]


async def test_a_link_signs_in_once_and_everything_on_the_page_works_without_a_script(two):
    code = await invited(two)
    async with Device(two) as phone, Device(two) as thief:
        assert await phone.open() == 200
        assert "Your control page" in phone.html
        assert await phone.sign_in("ctl_wrong") == 422
        assert "Ask for a new one." in phone.html
        assert await phone.sign_in(f" {code} ") == 200
        assert "Control of" in phone.html
        assert "Make an overlay link first" in phone.html
        assert await thief.sign_in(code) == 422

        status, _ = await phone.send("link")
        link = re.search(r'value="(http[^"]+/overlay/alerts#token=ovl_[^"]+)"', phone.html)
        assert (status, link is not None) == (200, True)
        await phone.open()
        assert "Quiet for now. Press Test to see an alert." in phone.html
        assert link[1] not in phone.html
        assert "No overlay connected" in phone.html

        await phone.send("queue", act="test")
        assert "This is what a tip looks like." in phone.html
        await phone.send("queue", act="skip")
        assert "This is what a tip looks like." not in phone.html
        for act, says in (("pause", "Paused. Alerts wait."), ("hide", "Everything is hidden. Alerts wait.")):
            await phone.send("queue", act=act)
            assert says in phone.html
        for act in ("resume", "show"):
            await phone.send("queue", act=act)
        assert (await two.as_server().get(OVERLAY)).json["paused"] is False

        await tip(two, 500, message="see example.com/win", name="<b>Mio</b>", anonymous=False)
        await tip(two, 777, message="hello")
        await phone.open()
        assert "&lt;b&gt;Mio&lt;/b&gt;" in phone.html
        assert ("Held for you" in phone.html, "$7.77" in phone.html) == (True, True)
        assert "$12.77 in 2 tips" in phone.html
        status, at = await phone.send("held", sequence="2", verdict="approve")
        assert (status, at) == (200, "/creator")
        queue = (await two.as_server().get(OVERLAY)).json
        assert ([one["sequence"] for one in queue["queued"]], queue["held"]) == ([2, 3], [])

        status, _ = await phone.send("sign-out")
        assert (status, "Your control page" in phone.html) == (200, True)


async def test_a_creator_sees_and_moves_their_own_queue_only(two):
    await tip(two, 500, message="see example.com/win")
    async with Device(two) as nova, Device(two) as stranger:
        await nova.sign_in(await invited(two, "nova"))
        assert "example.com" not in nova.html
        assert (await nova.send("held", sequence="1", verdict="approve"))[1] == "/creator?note=nothing"
        assert "There was nothing to do." in nova.html
        assert two.query("SELECT state FROM fanfunding_alerts") == [{"state": "held"}]
        assert (await stranger.send("held", sequence="1", verdict="approve"))[0] == 401
        assert (await stranger.open("/creator/queue")) == 401
        assert (await nova.send("queue", act="pause", csrf="x" * 64))[0] == 403


async def test_a_tip_is_shown_by_its_name_alone_and_a_blocked_sender_is_paid_for_and_not_seen(two):
    for text in ("see example.com/win", "second", "third"):
        await tip(two, 500, name="Troll", message=text, fan="a-token-of-this-browser")
    await tip(two, 500, name="Mio", message="kind words")
    await tip(two, 600, name="Zoe", message="see example.com/too")
    async with Device(two) as phone:
        await phone.sign_in(await invited(two))
        await phone.send("link")
        await phone.open()
        assert "second" in phone.html
        await phone.send("held", sequence="5", verdict="name_only")
        assert two.query("SELECT state FROM fanfunding_alerts WHERE sequence = 5") == [{"state": "queued"}]
        queue = (await two.as_server().get(OVERLAY)).json
        assert [(one["name"], one["message"]) for one in queue["queued"]][-1] == ("Zoe", "")
        assert await phone.send("held", sequence="4", verdict="name_only") == (200, "/creator")
        status, at = await phone.send("held", sequence="1", verdict="block")
        assert (status, at) == (200, "/creator")
        states = two.query("SELECT state FROM fanfunding_alerts ORDER BY sequence")
        assert [one["state"] for one in states] == ["skipped"] * 3 + ["queued"] * 2
        assert ("Blocked senders" in phone.html, "Unblock" in phone.html, "second" in phone.html) == (True, True, False)

        await tip(two, 700, name="Troll", message="fourth", fan="a-token-of-this-browser")
        page = (await two.as_nobody().get("/v1/fanfunding/creators/luna/tips")).json["data"]
        assert [(one["name"], one["message"]) for one in page] == [("Zoe", None), ("Mio", None)]
        await two.quiet()
        board = (await two.as_nobody().get("/v1/fanfunding/creators/luna/leaderboard")).json["data"]
        assert [(one["name"], one["amount"]["amount"]) for one in board] == [(None, 2200), ("Zoe", 600), ("Mio", 500)]
        told = [one["id"] for one in two.query("SELECT id FROM fanfunding_tips WHERE name = 'Troll' ORDER BY sequence")]
        seen = [(await two.as_nobody().get(f"/v1/fanfunding/tips/{one}")).json["message"] for one in told]
        assert seen == [None] * 4
        rows = two.query("SELECT held_for, earned FROM fanfunding_tips WHERE message = 'fourth'")
        assert rows == [{"held_for": "blocked", "earned": 630}]
        assert two.query("SELECT state FROM fanfunding_alerts WHERE sequence = 6") == [{"state": "skipped"}]
        assert (await two.as_server().post(OVERLAY, {"act": "replay", "sequence": 2})).status == 409
        queue = (await two.as_server().get(OVERLAY)).json
        assert [(one["sequence"], one["name"]) for one in queue["blocked"]] == [(1, "Troll")]

        async with Device(two) as nova:
            await nova.sign_in(await invited(two, "nova"))
            assert "Troll" not in nova.html
            assert (await nova.send("held", sequence="1", verdict="unblock"))[1] == "/creator?note=nothing"
        assert await phone.send("held", sequence="1", verdict="unblock") == (200, "/creator")
        assert "Blocked senders" not in phone.html
        await tip(two, 100, name="Troll", message="fifth", fan="a-token-of-this-browser")
        states = two.query("SELECT state FROM fanfunding_alerts ORDER BY sequence")
        assert [one["state"] for one in states][5:] == ["skipped", "queued"]


async def test_a_creator_reads_their_own_payouts_and_statements_and_nobody_elses(two):
    await tip(two, 1000)
    await two.advance("25h")
    paid = await pay_out(two, 700)
    async with Device(two) as luna, Device(two) as nova, Device(two) as stranger:
        await luna.sign_in(await invited(two))
        await nova.sign_in(await invited(two, "nova"))
        assert "See statements" in luna.html
        assert await luna.open("/creator/payouts") == 200
        for text in ("$7.00", "SEPA 17", "Paid", "$2.00"):
            assert text in luna.html
        assert await luna.open(f"/creator/payouts/{paid['id']}") == 200
        for text in ("$7.00", '<td class="num">9.00</td>', "Download as CSV", '<td class="num">2.00</td>'):
            assert text in luna.html
        assert "Mio" not in luna.html
        assert await luna.open(f"/creator/payouts/{paid['id']}/statement.csv") == 200
        assert [line.split(",")[6] for line in luna.html.split()] == ["amount", "", "9.00", "-7.00"]

        assert await nova.open("/creator/payouts") == 200
        assert ("No payouts yet." in nova.html, "SEPA 17" in nova.html) == (True, False)
        for path in ("", "/statement.csv"):
            assert await nova.open(f"/creator/payouts/{paid['id']}{path}") == 404
            assert await stranger.open(f"/creator/payouts/{paid['id']}{path}") == 401
        assert await stranger.open("/creator/payouts") == 200
        assert "Your control page" in stranger.html


async def test_a_code_that_two_use_at_once_signs_one_in(two):
    code = await invited(two)
    devices = [Device(two) for _ in range(8)]
    found = await asyncio.gather(*(one.sign_in(code) for one in devices))
    for one in devices:
        await one.__aexit__()
    assert sorted(found) == [200] + [422] * 7
    assert two.query("SELECT COUNT(*) AS found FROM fanfunding_sessions") == [{"found": 1}]


async def test_sessions_and_codes_end_by_time_and_by_the_operator(two, data_folder):
    late = await invited(two)
    used, newer = await invited(two), await invited(two)
    async with Device(two) as phone, Device(two) as tablet:
        for code in (late, used):
            assert await phone.sign_in(code) == 422  # a newer one was made
        assert await phone.sign_in(newer) == 200
        told = await two.as_server().delete("/v1/fanfunding/creators/luna/sessions")
        assert (told.status, told.json) == (200, {"creator": "luna", "signed_out": 1})
        assert await phone.open("/creator/queue") == 401
        waits = await invited(two)
        assert await tablet.sign_in(await invited(two, "nova")) == 200
        two.wall.move(8 * 86_400)
        assert await tablet.open("/creator/queue") == 401  # for a week it was not used
        assert await phone.sign_in(waits) == 422
    actions = two.query("SELECT action FROM audit_actions WHERE action LIKE 'creator.%'")
    assert [one["action"] for one in actions].count("creator.invited") == 5


async def test_no_code_and_no_token_stands_in_the_database_or_on_another_creators_file(two):
    code = await invited(two)
    async with Device(two) as phone:
        await phone.sign_in(code)
        rows = [*two.query("SELECT * FROM fanfunding_invitations"), *two.query("SELECT * FROM fanfunding_sessions")]
        assert not any(code in str(value) for row in rows for value in row.values())


async def test_the_shell_invites_and_signs_out(two, data_folder):
    async with shell_of(two, data_folder) as shell, Device(two) as phone:
        assert await phone.sign_in((await shell("creators", "invite", "luna", "--json"))["code"]) == 200
        assert await shell("creators", "sign-out", "luna") == "luna was signed out on 1 device.\n"
        assert await phone.open("/creator/queue") == 401
        assert "There is no such creator." in await shell("creators", "invite", "nobody", code=1)
        assert "/creator#code=ctl_" in await shell("creators", "invite", "luna")


async def test_nobody_is_signed_in_by_another_site_and_odd_bytes_are_nobodys(two):
    code = await invited(two)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        for said in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            async with http.post(two.url + "/creator/sign-in", data={"code": code}, headers=said) as answer:
                assert (answer.status, "Set-Cookie" in answer.headers) == (403, False)
        async with http.get(two.url + "/creator", headers={"Cookie": "storefront_creator=\xff\xfe"}) as answer:
            assert answer.status == 200
        stream = two.url + "/v1/fanfunding/overlay/stream"
        async with http.get(stream, headers={"Overlay-Ticket": "\xff.1.x"}) as answer:
            assert answer.status == 401
    async with Device(two) as phone:
        assert await phone.sign_in(code) == 200
