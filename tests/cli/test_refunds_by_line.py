"""``storefront refund --line``: what is in a bundle goes back unit by unit, for what it cost of it."""

import pytest

from storefront.control.desk import Desk
from storefront.control.server import control_socket
from storefront.testing import TINY_SHOP, running_shop

from .test_operating import Shell

KIT = """
  kit: {kind: bundle, title: Kit, prices: {USD: 1000}, contents: [
          {sku: sword, worth: {USD: 700}}, {sku: potion, quantity: 3, worth: {USD: 100}}]}
"""


@pytest.fixture
async def shell(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP + KIT) as shop:
        host = shop.parts.host
        async with control_socket(Desk(shop.parts, url=shop.url, read=lambda: host)):
            yield Shell(shop, tmp_path / "shop.yaml", tmp_path / "data")


def told_lines(made):
    return [(one["sku"], one["quantity"], one["amount"]["amount"]) for one in made["lines"]]


async def test_lines_are_looked_at_and_then_given_back_once_per_key(shell):
    kit = await shell.shop.bought("kit")
    await shell.shop.quiet()
    wanted = ("refund", kit["id"], "-r", "broken", "--line", "sword=1", "--line", "potion=2")
    before = shell.shop.rows()
    shown = await shell.told(*wanted, "--dry-run")
    said = await shell.ask(*wanted, "--dry-run")
    assert shell.shop.rows() == before
    made = await shell.told(*wanted, "--key", "k1")
    again = await shell.told(*wanted, "--key", "k1")
    other = await shell.ask("refund", kit["id"], "-r", "broken", "--line", "sword=1", "--key", "k1")

    assert (shown["dry_run"], told_lines(shown)) == (True, [("sword", 1, 700), ("potion", 2, 200)])
    assert told_lines(made) == told_lines(shown)
    assert (made["amount"]["amount"], again["id"]) == (900, made["id"])
    assert "2 × potion for 2.00 USD" in said.stdout
    assert (other.returncode, "used with another body" in other.stderr) == (1, True), other.stderr
    owned = (await shell.shop.as_customer().get("/v1/me")).json["items"]
    assert [(one["sku"], one["quantity"]) for one in owned] == [("potion", 1)]
    assert shell.audited() == ["purchase.refunded"]


@pytest.mark.parametrize(
    ("lines", "code", "says"),
    [
        (["potion"], 2, "is not SKU=QUANTITY"),
        (["potion=0"], 2, "is not SKU=QUANTITY"),
        (["potion=two"], 2, "is not SKU=QUANTITY"),
        (["=2"], 2, "is not SKU=QUANTITY"),
        (["hat=1"], 1, "must be one of sword, potion"),
        (["potion=1", "potion=1"], 1, "is named twice"),
        (["potion=4"], 1, "Not so many of the contents are left"),
    ],
)
async def test_lines_that_cannot_be_meant_are_refused(shell, lines, code, says):
    kit = await shell.shop.bought("kit")
    words = [word for line in lines for word in ("--line", line)]
    told = await shell.ask("refund", kit["id"], "-r", "x", *words)
    assert (told.returncode, says in " ".join(told.stderr.split())) == (code, True), told.stderr
    assert shell.shop.query("SELECT id FROM reversals") == []


async def test_lines_and_a_quantity_are_refused_together(shell):
    kit = await shell.shop.bought("kit")
    told = await shell.ask("refund", kit["id"], "-r", "x", "--line", "potion=1", "--quantity", "1")
    assert (told.returncode, "Lines say how many" in told.stderr) == (1, True), told.stderr
