"""``storefront health``: 0 where a shop can sell, 1 where it cannot or nobody answers; it needs no YAML."""

import asyncio
import json
from pathlib import Path

from aiohttp import web

from storefront.testing import running_shop
from tests.cli.conftest import storefront

from .reading import instructions, words

NOWHERE = {"CONFIG": "/nonexistent/shop.yaml"}


async def ask(*arguments, **variables):
    return await asyncio.to_thread(storefront, "health", *arguments, **variables)


async def test_the_health_command_of_the_image_is_0_while_a_shop_sells_and_1_afterwards(tmp_path: Path):
    (check,) = [words(text.partition("CMD ")[2]) for name, text in instructions() if name == "HEALTHCHECK"]
    assert check[0] == "storefront"
    async with running_shop(tmp_path) as shop:
        place = {"HOST": "0.0.0.0", "PORT": shop.url.rpartition(":")[2], **NOWHERE}
        well = await asyncio.to_thread(storefront, *check[1:], **place)
        told = await ask("--json", **place)
    gone = await asyncio.to_thread(storefront, *check[1:], **place)

    assert (well.returncode, well.stdout) == (0, f"Ready: {shop.url}/readyz\n")
    assert told.returncode == 0
    assert json.loads(told.stdout) == {
        "url": f"{shop.url}/readyz",
        "ready": True,
        "checks": {"database": "ok", "migrations": "ok", "catalog": "ok"},
        "reason": None,
    }
    assert gone.returncode == 1
    assert "is not ready: no answer" in gone.stderr


async def test_without_a_port_the_yaml_says_where(tmp_path: Path):
    async with running_shop(tmp_path) as shop:
        config = tmp_path / "elsewhere.yaml"
        config.write_text(f"web: {{host: 127.0.0.1, port: {shop.url.rpartition(':')[2]}}}\n")
        assert (await ask(config)).returncode == 0
    broken = await ask(tmp_path / "missing.yaml")
    assert broken.returncode == 2


async def test_what_is_wrong_is_said_and_a_stranger_is_no_shop(aiohttp_server):
    answers = [
        web.json_response({"status": "not ready", "checks": {"database": "away", "catalog": "ok"}}, status=503),
        web.Response(text="hello"),
        web.json_response({"hello": "world"}),
    ]

    async def answer(request: web.Request) -> web.Response:
        return answers.pop(0)

    app = web.Application()
    app.router.add_get("/readyz", answer)
    server = await aiohttp_server(app)
    place = {"HOST": "127.0.0.1", "PORT": str(server.port), **NOWHERE}

    away, text, other = [await ask("--json", **place) for _ in range(3)]
    assert [one.returncode for one in (away, text, other)] == [1, 1, 1]
    assert json.loads(away.stdout)["checks"] == {"database": "away", "catalog": "ok"}
    assert json.loads(text.stdout)["reason"].startswith("no answer (")
    assert json.loads(other.stdout)["reason"] == "it answers 200 (no shop answers so)"
