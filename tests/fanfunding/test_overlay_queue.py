"""One alert at a time, each once and in order, whoever is watching."""

import asyncio
import json

import aiohttp
import pytest

from tests.fanfunding.tipping import refund, see, tip

OVERLAY = "/v1/fanfunding/creators/luna/overlay"


class Overlay:
    """One overlay's page, without the page."""

    def __init__(self, shop, token: str) -> None:
        self.shop, self.token = shop, token
        self.session, self.answer = aiohttp.ClientSession(), None

    async def ticket(self) -> str:
        answer = await self.shop.as_nobody().post("/v1/fanfunding/overlay/ticket", {"token": self.token})
        assert answer.status == 201, answer
        return answer.json["ticket"]

    async def open(self, **headers: str) -> "Overlay":
        headers["Overlay-Ticket"] = await self.ticket()
        self.answer = await self.session.get(f"{self.shop.url}/v1/fanfunding/overlay/stream", headers=headers)
        assert self.answer.status == 200
        return self

    async def hear(self) -> tuple[str, dict]:
        """Return the next event; heartbeats are no events."""
        said = {}
        while True:
            line = (await self.answer.content.readline()).decode()
            if line == "":
                return "end", {}
            if line == "\n" and "event" in said:
                return said["event"], json.loads(said["data"])
            name, _, value = line.rstrip("\n").partition(": ")
            said[name] = value

    async def ack(self, sequence: int, state: str) -> int:
        body = {"ticket": await self.ticket(), "sequence": sequence, "state": state}
        return (await self.shop.as_nobody().post("/v1/fanfunding/overlay/ack", body)).status


@pytest.fixture
async def overlays(stream):
    """Opens overlays with Luna's link."""
    token = (await stream.as_server().post(OVERLAY + "/token")).json["token"]
    opened: list[Overlay] = []

    async def come(**headers: str) -> Overlay:
        opened.append(Overlay(stream, token))
        return await opened[-1].open(**headers)

    yield come
    for one in opened:
        if one.answer is not None:
            one.answer.close()
        await one.session.close()


async def act(shop, wanted: str, sequence: int | None = None):
    body = {"act": wanted, **({} if sequence is None else {"sequence": sequence})}
    answer = await shop.as_server().post(OVERLAY, body)
    assert answer.status == 200, answer
    return answer.json


def states(shop) -> list[str]:
    return [row["state"] for row in shop.query("SELECT state FROM fanfunding_alerts ORDER BY sequence")]


async def test_tips_are_shown_one_after_the_other_once_on_all_overlays(stream, overlays):
    one, two = await overlays(), await overlays()
    assert (await one.hear(), await two.hear()) == (("clear", {}), ("clear", {}))
    await tip(stream, 555, name="Mio", message="<b>hi</b>")
    kind, alert = await one.hear()
    assert (kind, alert["sequence"], alert["name"], alert["message"]) == ("alert", 1, "Mio", "<b>hi</b>")
    assert (alert["words"], alert["tier"], alert["sound"], alert["left_ms"]) == ("$5.55", "gold", "chime", 8000)
    await tip(stream, 100)
    assert await one.ack(2, "shown") == 409
    assert (await one.ack(1, "done"), await one.ack(1, "shown"), await two.ack(1, "shown")) == (409, 200, 200)
    assert states(stream) == ["shown", "queued"]
    kind, late = await (await overlays()).hear()
    assert (kind, late["sequence"], late["state"]) == ("alert", 1, "shown")
    assert (await one.ack(1, "done"), await two.ack(1, "done")) == (200, 200)
    assert await one.ack(2, "shown") == 409  # the gap
    await stream.advance("2s")
    assert await one.ack(2, "shown") == 200
    await stream.advance("14s")  # nobody lives to say that it is over
    assert await (await overlays()).hear() == ("clear", {})
    assert states(stream) == ["done", "done"]


async def test_a_queue_is_paused_hidden_skipped_and_replayed_and_a_test_is_no_money(stream, overlays):
    here = await overlays()
    await here.hear()
    await act(stream, "pause")
    await tip(stream, 100)
    assert (await act(stream, "test"))["paused"] is True
    assert await here.ack(1, "shown") == 409
    await act(stream, "resume")
    await act(stream, "hide")
    assert await here.ack(1, "shown") == 409
    await act(stream, "show")
    await act(stream, "skip")
    await stream.advance("2s")
    assert await here.ack(2, "shown") == 200
    assert await here.ack(2, "done") == 200
    assert states(stream) == ["skipped", "done"]
    await act(stream, "replay", 1)
    await stream.advance("2s")
    assert await here.ack(1, "shown") == 200
    assert (await stream.as_server().post(OVERLAY, {"act": "replay"})).status == 422
    assert len((await stream.as_nobody().get("/v1/fanfunding/creators/luna/tips")).json["data"]) == 1


async def test_a_held_tip_is_seen_and_shown_when_it_is_approved_and_an_old_alert_never(stream, overlays):
    bought = await tip(stream, 500, message="see www.example.org")
    refused = await tip(stream, 500, message="spoiler")
    assert (await see(stream, bought))["message"] is None
    queue = await act(stream, "approve", 1)
    assert [one["held_for"] for one in queue["held"]] == ["words"]
    await act(stream, "reject", 2)
    assert (await see(stream, bought))["message"] == "see www.example.org"
    assert (await see(stream, refused))["message"] is None
    assert states(stream) == ["queued", "skipped"]
    await stream.advance("11m")
    assert await (await overlays()).hear() == ("clear", {})
    assert states(stream) == ["skipped", "skipped"]


async def test_a_tip_that_was_refunded_is_shown_neither_in_its_turn_nor_again(stream, overlays):
    await act(stream, "pause")
    given = await tip(stream, 100)
    await tip(stream, 200)
    await refund(stream, given)
    await stream.quiet()
    await act(stream, "resume")
    kind, alert = await (await overlays()).hear()
    assert (kind, alert["sequence"], states(stream)) == ("alert", 2, ["skipped", "queued"])
    answer = await stream.as_server().post(OVERLAY, {"act": "replay", "sequence": 1})
    assert (answer.status, answer.json["detail"]) == (409, "This tip was refunded.")


async def test_a_new_link_ends_open_streams(stream, overlays):
    here = await overlays()
    await here.hear()
    assert (await stream.as_server().post(OVERLAY + "/token")).status == 201
    assert await here.hear() == ("end", {})
    answer = await here.session.get(f"{stream.url}/v1/fanfunding/overlay/stream", headers={"Overlay-Ticket": "a.b.c"})
    assert answer.status == 401


async def test_what_moves_the_queue_is_told_and_so_wakes_every_overlay(stream):
    server = stream.as_server()
    await server.post("/v1/grants", {"customer": "ada", "asset": "gems", "amount": 50, "reason": "t"}, key="g")
    token = (await server.post(OVERLAY + "/token")).json["token"]
    ticket = (await stream.as_nobody().post("/v1/fanfunding/overlay/ticket", {"token": token})).json["ticket"]
    await tip(stream, 20, "gems", by=server, customer="ada")
    for state in ("shown", "done"):
        said = {"ticket": ticket, "sequence": 1, "state": state}
        assert (await stream.as_nobody().post("/v1/fanfunding/overlay/ack", said)).status == 200
    for act in ("pause", "test", "skip"):
        assert (await server.post(OVERLAY, {"act": act})).status == 200
    told = stream.query("SELECT type FROM events WHERE type LIKE 'alert.%' OR type LIKE 'overlay.%' ORDER BY commit_no")
    assert [one["type"] for one in told] == [
        "overlay.changed", "alert.shown", "alert.done", "overlay.changed", "alert.queued", "alert.skipped",
    ]  # fmt: skip


async def test_however_much_has_waited_too_long_is_passed_over_at_once(stream):
    server, page = stream.as_server(), stream.as_nobody()
    await server.post("/v1/grants", {"customer": "ada", "asset": "gems", "amount": 50, "reason": "t"}, key="g")
    token = (await server.post(OVERLAY + "/token")).json["token"]
    for _ in range(9):
        await asyncio.gather(*(server.post(OVERLAY, {"act": "test"}) for _ in range(100)))
    await stream.advance("11m")
    await tip(stream, 20, "gems", by=server, customer="ada")
    ticket = (await page.post("/v1/fanfunding/overlay/ticket", {"token": token})).json["ticket"]
    waiting = "SELECT state, COUNT(*) AS found FROM fanfunding_alerts GROUP BY state"
    last = stream.query("SELECT MAX(sequence) AS last FROM fanfunding_alerts")[0]["last"]
    said = {"ticket": ticket, "sequence": last, "state": "shown"}
    assert (await page.post("/v1/fanfunding/overlay/ack", said)).status == 200
    assert last > 801
    assert stream.query(waiting) == [{"state": "shown", "found": 1}, {"state": "skipped", "found": last - 1}]
