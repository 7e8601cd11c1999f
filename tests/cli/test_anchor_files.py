"""A file of anchors that was deleted, emptied or cut is reported by ``storefront audit verify``."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP

from .conftest import storefront

CONFIG = TINY_SHOP + "audit: {anchors: [{file: '${DATA}/anchors.jsonl'}], every_seconds: 1}\n"


@pytest.fixture(scope="module")
def anchored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop at rest that has sent three anchors to its file."""
    folder = tmp_path_factory.mktemp("anchored")
    asyncio.run(_send_three(folder))
    return folder


async def _send_three(folder: Path) -> None:
    file = folder / "data" / "anchors.jsonl"
    async with running_shop(folder, CONFIG) as shop:
        for number in range(1, 4):
            await shop.bought("gems-500")
            await shop.parts.sealer.seal_all()
            await shop.until(lambda n=number: file.exists() and len(file.read_text().splitlines()) >= n)
            await shop.until(lambda n=number: _sent(shop) >= n)


def _sent(shop) -> int:
    rows = shop.query("SELECT value FROM settings WHERE key LIKE 'anchor:%'")
    return int(rows[0]["value"].rpartition(":")[2].rstrip("}")) if rows else 0


def _forget(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file.parent / "storefront.sqlite")) as connection:
        connection.execute("DELETE FROM settings WHERE key LIKE 'anchor:%'")
        connection.commit()


def _drop_line(number: int) -> Callable[[Path], object]:
    def drop(file: Path) -> None:
        lines = file.read_text().splitlines(keepends=True)
        del lines[number]
        file.write_text("".join(lines))

    return drop


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "deleted": (Path.unlink, "is gone: 3 anchors were sent there, the last of seal"),
    "emptied": (lambda file: file.write_text(""), "was cut or replaced: 3 anchors were sent there"),
    "its last line cut off": (_drop_line(-1), "it holds 2, the last of seal"),
    "its first line taken out": (_drop_line(0), "lost some of its lines: 3 anchors were sent there"),
    "deleted with its setting": (_forget, "got anchors, but how many is forgotten: its setting is gone"),
}


def test_a_file_of_anchors_that_is_whole_is_fine(anchored: Path) -> None:
    verified = storefront("audit", "verify", "-c", anchored / "shop.yaml", "-d", anchored / "data", "--json")

    assert verified.returncode == 0, verified.stdout
    assert {"A1-anchors", "A1-witnesses"} <= {check["name"] for check in json.loads(verified.stdout)["checks"]}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_file_of_anchors_that_lost_some_is_reported(what: str, anchored: Path) -> None:
    tamper, message = TAMPERED[what]
    data = anchored / "data"
    before = {file: file.read_bytes() for file in data.iterdir() if file.is_file()}
    try:
        tamper(data / "anchors.jsonl")
        verified = storefront("audit", "verify", "-c", anchored / "shop.yaml", "-d", data, "--json")
    finally:
        for file, content in before.items():
            file.write_bytes(content)

    assert verified.returncode == 1
    found = [one["message"] for one in json.loads(verified.stdout)["violations"]]
    assert len(found) == 1, found
    assert message in found[0]
