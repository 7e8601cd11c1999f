"""Anchors: brought outside beside the selling, again after a failure, and the books are held to them."""

import asyncio
import base64
import hashlib
import hmac
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from storefront.core.audit import Outside, verify_database
from storefront.core.sealing.anchors import read_anchors
from storefront.core.sealing.sending import FAILURES_BEFORE_ALARM, AnchorSender
from storefront.core.sealing.witnesses import AnchorNotKept, FileWitness, WebhookWitness, Witness
from storefront.testing import HANG_SECONDS, TINY_SHOP, running_shop

from .conftest import Books

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()

Received = list[tuple[dict[str, str], bytes]]


class Receiver:
    """Somebody else's server: answers the statuses it is told to, then 204, and keeps all that came."""

    def __init__(self, *statuses: int) -> None:
        self.received: Received = []
        self.statuses = list(statuses)
        self.came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.read()))
        self.came.set()
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"} if 300 <= status < 400 else {})

    @asynccontextmanager
    async def listening(self) -> Any:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.take)
        server = TestServer(app)
        await server.start_server()
        try:
            yield str(server.make_url("/anchors"))
        finally:
            await server.close()


def verified(headers: dict[str, str], body: bytes, key: bytes) -> dict[str, Any]:
    """Check a message as Standard Webhooks says and return it."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert hmac.compare_digest(base64.b64decode(signature), hmac.new(key, signed, hashlib.sha256).digest())
    message: dict[str, Any] = json.loads(body)
    return message


async def test_a_shop_brings_its_seals_to_a_file_and_to_a_webhook_that_failed_at_first(tmp_path: Path) -> None:
    receiver = Receiver(500)
    async with receiver.listening() as url:
        config = TINY_SHOP + (
            f"audit: {{every_seconds: 1, anchors: [{{file: kept/anchors.jsonl}}, {{webhook: '{url}', "
            "secret: '${SECRET}'}]}\n"
        )
        (tmp_path / "kept").mkdir()
        file = tmp_path / "kept" / "anchors.jsonl"
        async with running_shop(tmp_path, config, environ={"SECRET": SECRET}) as shop:
            await shop.bought("gems-500")
            await shop.parts.sealer.seal_all()
            await shop.until(lambda: len(receiver.received) == 2 and file.exists() and len(read_anchors(file)) == 1)
            await shop.until(lambda: len(settings(shop)) == 2)
            await shop.restart()
            await shop.bought("gems-500")
            await shop.parts.sealer.seal_all()
            await shop.until(lambda: len(receiver.received) == 3 and len(read_anchors(file)) == 2)
            kept = read_anchors(file)
            report = await verify_database(shop.parts.database, deep=True, outside=Outside(kept))

    messages = [verified(headers, body, KEY) for headers, body in receiver.received]
    ids = [headers["webhook-id"] for headers, _ in receiver.received]
    assert ids[0] == ids[1] != ids[2]
    assert [message["data"]["seal"] for message in messages] == [1, 1, 2]
    assert messages[1]["data"] == json.loads(file.read_bytes().splitlines()[0])
    assert kept[0].anchor.shop == "Tiny shop"
    assert report.is_clean, report.explain()
    assert "A1-anchors" in {check.name for check in report.checks}


def settings(shop: Any) -> list[Any]:
    return shop.query("SELECT * FROM settings WHERE key LIKE 'anchor:%'")


@pytest.mark.parametrize("status", [302, 307, 400, 410, 503])
async def test_only_2xx_means_that_a_webhook_kept_it(books: Books, status: int) -> None:
    await books.sell()
    await books.sealer.seal_all()
    receiver = Receiver(status)
    async with receiver.listening() as url:
        witness = WebhookWitness(url, None, books.clock)
        with pytest.raises(AnchorNotKept, match=f"127.0.0.1 answered {status}"):
            await sender(books, witness).send(witness)
        assert await sender(books, witness).send(witness) is True
        assert await sender(books, witness).send(witness) is False

    assert len(receiver.received) == 2, "a redirect was followed"
    assert "webhook-signature" not in receiver.received[0][0]


async def test_nobody_there_is_a_failure_and_names_no_path(books: Books, unused_tcp_port: int) -> None:
    await books.sell()
    await books.sealer.seal_all()
    witness = WebhookWitness(f"http://127.0.0.1:{unused_tcp_port}/very-secret-path", None, books.clock)

    with pytest.raises(AnchorNotKept) as caught:
        await sender(books, witness).send(witness)

    assert "secret" not in str(caught.value)


async def test_a_witness_that_stays_away_raises_one_alarm_and_gets_the_newest_seal_at_last(books: Books) -> None:
    receiver = Receiver(*[500] * (FAILURES_BEFORE_ALARM + 2))
    alarms = 0

    def count(notice: Any) -> None:
        nonlocal alarms
        alarms += "alarms" in notice.tables

    books.engine.follow(count)
    await books.sell()
    await books.sealer.seal_all()
    async with receiver.listening() as url:
        witness = WebhookWitness(url, SECRET, books.clock)
        following = sender(books, witness, first_pause_seconds=0.001)
        running = asyncio.create_task(following.run())
        async with asyncio.timeout(HANG_SECONDS):
            while len(receiver.received) < 3:
                receiver.came.clear()
                await receiver.came.wait()
            await books.sell()
            await books.sealer.seal_all()
            while json.loads(receiver.received[-1][1])["data"]["seal"] != 2 or receiver.statuses:
                receiver.came.clear()
                await receiver.came.wait()
        following.ask_to_stop()
        await running

    assert alarms == 1


async def test_a_slow_witness_holds_up_nobody(books: Books, tmp_path: Path) -> None:
    release = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/anchors", hang)
    server = TestServer(app)
    await server.start_server()
    path = tmp_path / "anchors.jsonl"
    slow, quick = WebhookWitness(str(server.make_url("/anchors")), None, books.clock), FileWitness(path)
    following = sender(books, slow, quick)
    kept = asyncio.Event()
    await books.sell()
    await books.sealer.seal_all()
    await books.sell()
    books.engine.follow(lambda notice: kept.set() if path.exists() and read_anchors(path) else None)
    running = asyncio.create_task(following.run())
    async with asyncio.timeout(HANG_SECONDS):
        await kept.wait()
        assert await books.sealer.seal_all() == 1
        release.set()
        following.ask_to_stop()
        await running
    await server.close()


async def test_a_line_torn_by_a_crash_is_written_again(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    witness = FileWitness(path)
    await books.sell()
    await books.sealer.seal_all()
    await sender(books, witness).send(witness)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:70])
    await books.sell()
    await books.sealer.seal_all()
    await sender(books, witness).send(witness)

    lines = path.read_bytes().splitlines()
    assert lines[0] + b"\n" == whole
    assert [json.loads(line)["seal"] for line in lines] == [1, 2]


@pytest.mark.parametrize("content", [b"the accountant's notes", b"x\ny", b"z" * 20_000])
async def test_a_file_of_something_else_is_left_as_it_is(books: Books, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    await books.sell()
    await books.sealer.seal_all()
    witness = FileWitness(path)

    with pytest.raises(AnchorNotKept, match="holds something else than anchors"):
        await sender(books, witness).send(witness)

    assert path.read_bytes() == content


async def test_a_folder_that_is_not_there_is_a_failure(books: Books, tmp_path: Path) -> None:
    await books.sell()
    await books.sealer.seal_all()
    witness = FileWitness(tmp_path / "gone" / "anchors.jsonl")

    with pytest.raises(AnchorNotKept, match="No such file"):
        await sender(books, witness).send(witness)


def sender(books: Books, *witnesses: Witness, first_pause_seconds: float = 1.0) -> AnchorSender:
    return AnchorSender(
        books.database.reader,
        books.engine,
        books.clock,
        witnesses=witnesses,
        shop="Stall",
        first_pause_seconds=first_pause_seconds,
    )
