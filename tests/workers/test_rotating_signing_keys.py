"""Signing keys are replaced one server at a time, in the documented steps, and no session is refused meanwhile."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from storefront.core.api_keys import KeyHasher
from storefront.core.shared_keys import OtherKeys
from storefront.testing import TINY_SHOP, Shop, running_shop
from tests.signing import heart_of, new_signing_key

KEYS = {"NEW_KEY": new_signing_key(), "OLD_KEY": new_signing_key()}
OLD, NEW = "${OLD_KEY}", "${NEW_KEY}"


class Server:
    """One of several servers of a shop, with a data folder of its own."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self._folder = folder

    async def sign_with(self, *references: str) -> None:
        await self.shop.stop()
        (self._folder / "shop.yaml").write_text(yaml_with(*references))
        await self.shop.start()

    async def status_of(self, token: str) -> int:
        return (await self.shop.bearing(token).get("/v1/me")).status


def yaml_with(*references: str) -> str:
    return f"{TINY_SHOP}signing: {json.dumps({'keys': references})}\n"


@asynccontextmanager
async def server(folder: Path, database: str, *references: str) -> AsyncIterator[Server]:
    """Run a server; its keys for signing are those of the YAML alone."""
    async with running_shop(folder, yaml_with(*references), environ=KEYS, database=database) as shop:
        yield Server(shop, folder)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Data folders of two servers, with what API keys are hashed with in both."""
    one, other = tmp_path / "one", tmp_path / "other"
    KeyHasher.load_or_create(one / "data" / "keys")
    shutil.copytree(one, other)
    return one, other


async def crossed(one: Server, other: Server) -> list[int]:
    """Return what each says of a new session of each."""
    tokens = [await one.shop.session("ada"), await other.shop.session("ada")]
    return [await place.status_of(token) for place in (one, other) for token in tokens]


async def test_in_three_steps_no_session_is_ever_refused(folders: tuple[Path, Path], postgres_database: str) -> None:
    async with (
        server(folders[0], postgres_database, OLD) as one,
        server(folders[1], postgres_database, OLD) as other,
    ):
        before = await other.shop.session("ada")
        for step in ([OLD, NEW], [NEW, OLD]):
            for place in (one, other):
                await place.sign_with(*step)
                assert await crossed(one, other) == [200] * 4
        assert [await place.status_of(before) for place in (one, other)] == [200, 200]

        await one.sign_with(NEW)
        assert await crossed(one, other) == [200] * 4
        assert [await place.status_of(before) for place in (one, other)] == [401, 200]
        await other.sign_with(NEW)
        assert await crossed(one, other) == [200] * 4


async def test_a_server_that_was_forgotten_does_not_start_again(
    folders: tuple[Path, Path], postgres_database: str
) -> None:
    async with server(folders[0], postgres_database, NEW, OLD):
        with pytest.raises(OtherKeys) as refused:
            async with server(folders[1], postgres_database, OLD):
                pass

    assert "List that key under signing.keys, too" in refused.value.detail
    assert [pem for pem in KEYS.values() if heart_of(pem) in refused.value.detail] == []
