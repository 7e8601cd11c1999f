"""Live changes in Python: told once each, none missed, whatever becomes of the line; and webhooks."""

import asyncio
import contextlib

import pytest
from storefront_sdk import BlockingStorefront, StorefrontClient, WebhookInvalid, verify_webhook
from storefront_sdk.stream import read_events

from storefront.testing import TINY_SHOP, running_shop
from tests.webhooks.conftest import Operator, receiving, settled

STREAM = "GET /v1/stream"


class Heard:
    """What a client was told: gems by version, and the names of errors."""

    def __init__(self, client) -> None:
        self.told: list[tuple[int, int]] = []
        self.errors: list[str] = []
        self._news = asyncio.Event()
        client.on("error", self._failed)
        self.leave = client.on("change", self._changed)

    async def _changed(self, state) -> None:
        self.told.append((state.version, state.wallets["gems"].balance))
        self._news.set()

    def _failed(self, error) -> None:
        self.errors.append(type(error).__name__)
        self._news.set()

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():
                await self._news.wait()
                self._news.clear()


async def connected(shop, road, count):
    await shop.until(lambda: road.requests.count(STREAM) >= count)


def cut(road):
    for writer in road._open:
        writer.transport.abort()


async def test_a_line_that_is_cut_again_and_again_loses_nothing_and_repeats_nothing(shop, road, client):
    await shop.bought("gems-500")
    async with client(token=await shop.session("ada"), reconnect_seconds=0.02) as ada:
        await ada.me()
        heard = Heard(ada)
        for number in range(1, 7):
            await connected(shop, road, number)
            cut(road) if number % 2 else None
            await shop.bought("potion")
            cut(road) if not number % 2 else None
            await heard.until(lambda number=number: heard.told and heard.told[-1][1] == 500 - 15 * number)
        versions = [version for version, _ in heard.told]
        assert versions == sorted(set(versions))
        assert [gems for _, gems in heard.told] == [500 - 15 * number for number in range(1, 7)]
        assert set(heard.errors) == {"ConnectionLost"}
        heads = [head.lower() for head in road.heads if head.startswith(STREAM)]
        assert all("last-event-id: " in head for head in heads)
        heard.leave()
        await shop.bought("potion")
        assert len(heard.told) == 6
        await ada.purchase("potion")
        assert (await ada.wallet("gems")).balance == 500 - 15 * 8


async def test_without_a_state_the_first_thing_told_is_how_it_is_and_a_listener_that_raises_stops_no_other(shop, ada):
    def raises(state):
        raise ValueError("oh")

    ada.on("change", raises)
    heard = Heard(ada)
    await heard.until(lambda: heard.told)
    assert heard.told[0][1] == 500
    with pytest.raises(ValueError, match="there are the events change and error"):
        ada.on("changes", raises)


async def test_a_change_whose_state_cannot_be_fetched_is_told_when_it_can(shop, road, client):
    await shop.bought("gems-500")
    async with client(token=await shop.session("ada"), reconnect_seconds=0.02, tries=1) as ada:
        await ada.me()
        heard = Heard(ada)
        await connected(shop, road, 1)
        road.answer(503, "{}", Content_Type="application/json")
        await shop.bought("potion")
        await heard.until(lambda: heard.told)
        assert ([gems for _, gems in heard.told], heard.errors) == ([485], ["Unavailable"])


async def test_a_dead_token_ends_the_line(shop, road, client):
    async with client(token="dead", reconnect_seconds=0.0) as nobody:
        heard = Heard(nobody)
        await heard.until(lambda: heard.errors)
        await asyncio.wait({nobody._changes._running}, timeout=20)
    assert (heard.errors, road.requests.count(STREAM)) == (["Unauthorized"], 1)


async def test_a_stream_is_read_as_the_standard_says_however_it_is_cut():
    text = '\ufeff: hello\r\nid: 7\revent: change\ndata: {"ü":\ndata:1}\n\n\ndata: cut'.encode()

    async def pieces(size):
        for at in range(0, len(text), size):
            yield text[at : at + size]

    for size in (1, 2, 3, 5, 7, len(text)):
        events = [event async for event in read_events(pieces(size))]
        assert [(event.type, event.data, event.id) for event in events] == [("change", ['{"ü":', "1}"], "7")], size


async def test_the_blocking_client_listens_in_its_own_thread(shop):
    await shop.bought("gems-500")
    token = await shop.session("ada")

    def play():
        heard: list[int] = []
        with BlockingStorefront(shop.url, token=token) as game:
            leave = game.on("change", lambda state: heard.append(state.wallets["gems"].balance))
            while not heard:
                game.check("sword")
            leave()
        return heard

    assert await asyncio.to_thread(play) == [500]


async def test_a_webhook_is_the_shops_or_refused(tmp_path):
    async with (
        receiving() as receiver,
        running_shop(tmp_path, TINY_SHOP + f"webhooks: {{allow: [{receiver.origin}]}}\n") as shop,
    ):
        endpoint = await Operator(shop).add(receiver.url, "purchase.completed")
        await shop.bought("gems-500")
        await settled(shop)
        (delivery,) = receiver.received
    secret, headers, body = endpoint["secret"], dict(delivery.headers), delivery.body
    event = verify_webhook(secret, headers, body)
    assert (event.id, event.type, event.raw) == (delivery.event["id"], "purchase.completed", delivery.event)
    signature, stamp = headers["webhook-signature"], headers["webhook-timestamp"]
    rotated = {**headers, "webhook-signature": f"v1a,bm8= v1,!!! v1,bm8= {signature}"}
    assert verify_webhook(secret, rotated, body) == event
    signatures = ("", "v1,", signature[3:], "v2" + signature[2:])
    stamps = ("", "soon", str(int(stamp) + 1), stamp + ".0", "٣")
    bad = [
        (secret, headers, body + b" "),
        (secret, headers, body.replace(b"purchase.completed", b"purchase.refunded")),
        ("whsec_" + "A" * 32, headers, body),
        *((secret, {**headers, "webhook-signature": text}, body) for text in signatures),
        *((secret, {**headers, "webhook-timestamp": text}, body) for text in stamps),
        (secret, {**headers, "webhook-id": "evt_other"}, body),
        (secret, {**headers, "Webhook-Id": headers["webhook-id"]}, body),
        (secret, {name: headers[name] for name in headers if name != "webhook-signature"}, body),
    ]  # fmt: skip
    for one in bad:
        with pytest.raises(WebhookInvalid):
            verify_webhook(*one)
    for age, is_taken in [(299, True), (300, False), (-299, True), (-300, False)]:
        with contextlib.nullcontext() if is_taken else pytest.raises(WebhookInvalid):
            verify_webhook(secret, headers, body, now_seconds=int(stamp) + age)
    with pytest.raises(ValueError, match="begins with whsec_"):
        verify_webhook("whsec_!", headers, body)


async def test_a_client_that_closes_while_it_listens_ends_quietly(shop, caplog):
    async with StorefrontClient(shop.url, token=await shop.session("ada")) as ada:
        ada.on("change", lambda state: None)
        await ada.catalog()
    assert caplog.records == []
