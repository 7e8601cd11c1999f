"""The operator's shell and promo codes: generated to a file, listed, shown, switched; with and without a server."""

import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storefront.control.desk import Desk
from storefront.control.server import control_socket
from storefront.testing import TINY_SHOP, running_shop

from .conftest import storefront
from .test_operating import Shell

CODES = """
promo_codes:
  NEWS: {percent: 50, bulk: true}
  WINTER: {amount: {USD: 250, gems: 5}, uses: 500, per_customer: 2}
"""


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    async with running_shop(tmp_path, TINY_SHOP + CODES) as shop:
        host = shop.parts.host
        async with control_socket(Desk(shop.parts, url=shop.url, read=lambda: host)):
            yield Shell(shop, tmp_path / "shop.yaml", tmp_path / "data")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


async def test_codes_are_generated_to_a_file_once_and_written_again(shell: Shell, tmp_path: Path) -> None:
    made, lost = tmp_path / "December mail.csv", tmp_path / "again.csv"
    first: Any = await shell.told("promo-codes", "generate", "news", "--count", "1300", "--csv", str(made))
    said = await shell.ask("promo-codes", "generate", "news", "--count", "1300", "--csv", str(made))
    bought = await shell.shop.bought("gems-500", promo_code=rows(made)[7]["code"])
    again: Any = await shell.told("promo-codes", "export", "NEWS", "--batch", "december-mail", "--csv", str(lost))

    assert (first["made"], first["written"], first["batch"], again["written"]) == (1300, 1300, "december-mail", 1300)
    assert (said.returncode, "1,300 codes of the batch december-mail are in" in said.stdout) == (0, True)
    assert [one["code"] for one in rows(made)] == [one["code"] for one in rows(lost)]
    assert [one["uses"] for one in rows(lost)].count("1") == 1
    assert made.stat().st_mode & 0o777 == 0o600
    assert bought["total"]["amount"] == 249


async def test_codes_are_listed_shown_and_switched(shell: Shell) -> None:
    await shell.shop.bought("gems-500", promo_code="winter")
    listed = await shell.told("promo-codes", "list")
    table = await shell.ask("promo-codes", "list")
    shown = await shell.told("promo-codes", "show", "win-ter")
    page = await shell.ask("promo-codes", "show", "winter")
    off = await shell.ask("promo-codes", "disable", "winter")
    refused = await shell.shop.buy("gems-500", promo_code="winter")
    on = await shell.told("promo-codes", "enable", "winter")
    unknown = await shell.ask("promo-codes", "show", "NEVERWAS")

    assert [(one["code"], one["used"]) for one in listed] == [("NEWS", 0), ("WINTER", 1)]
    assert "2.50 USD or 5 gems" in table.stdout
    assert "500 (2 per customer)" in table.stdout
    assert (shown["counted_uses"], shown["redemptions"][0]["state"]) == (1, "redeemed")
    assert "-2.50 USD" in page.stdout or "2.50 USD" in page.stdout
    assert (off.returncode, off.stdout.strip()) == (0, "WINTER is switched off.")
    assert refused.json["reason"] == "unknown"
    assert on["disabled_at"] is None
    assert (unknown.returncode, "There is no such promo code." in unknown.stderr) == (1, True)
    assert shell.audited() == ["promo_code.disabled", "promo_code.enabled"]


def test_codes_are_generated_without_a_server_too(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(TINY_SHOP + CODES)
    target = ("--config", tmp_path / "shop.yaml", "--csv", tmp_path / "codes.csv", "--json")
    made = storefront("promo-codes", "generate", "NEWS", "-n", "3", *target, DATA=str(tmp_path / "data"))

    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["made"] == 3
    assert len({one["code"] for one in rows(tmp_path / "codes.csv")}) == 3
