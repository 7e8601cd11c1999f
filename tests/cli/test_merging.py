"""``storefront customers merge``: looked at first, done once per key, and refused in words."""

import pytest

from storefront.control.desk import Desk
from storefront.control.server import control_socket
from storefront.testing import TINY_SHOP, running_shop

from .test_operating import Shell


@pytest.fixture
async def shell(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP) as shop:
        host = shop.parts.host
        async with control_socket(Desk(shop.parts, url=shop.url, read=lambda: host)):
            yield Shell(shop, tmp_path / "shop.yaml", tmp_path / "data")


async def test_a_merge_is_shown_and_then_done_once_per_key(shell):
    for name in ("guest", "ada"):
        await shell.shop.session(name)
    await shell.shop.bought("gems-500", customer="guest")
    await shell.shop.quiet()
    wanted = ("customers", "merge", "guest", "--into", "ada", "--reason", "one player")
    before = shell.shop.rows()
    shown = await shell.told(*wanted, "--dry-run")
    said = await shell.ask(*wanted, "--dry-run")
    assert shell.shop.rows() == before
    made = await shell.told(*wanted, "--key", "k1")
    again = await shell.told(*wanted, "--key", "k1")
    twice = await shell.ask(*wanted)

    assert (shown["dry_run"], shown["wallets"]) == (True, {"gems": 500})
    assert "guest would become ada" in said.stdout
    assert "500 gems" in said.stdout
    assert (made["wallets"], again["id"]) == ({"gems": 500}, made["id"])
    assert (twice.returncode, "one customer already" in twice.stderr) == (1, True), twice.stderr
    assert (await shell.shop.as_server().get("/v1/customers/guest")).json["wallets"]["gems"]["balance"] == 500
    assert shell.audited() == ["customer.merged"]
