"""Signing keys of the configuration: which one signs, what a rotation ends, and what it must never end."""

import io
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from storefront.testing import TINY_SHOP, Shop, running_shop
from storefront.web.logs import configure_logging
from tests.signing import heart_of, new_signing_key

MADE_KEY = "${file:data/keys/signing-1.pem}"
KEYS = {"NEW_KEY": new_signing_key(), "OLD_KEY": new_signing_key()}


class Rotating:
    """A shop that is restarted with other signing keys, and its receipts."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self._yaml = folder / "shop.yaml"
        self._buyers = itertools.count(1)

    async def sign_with(self, *references: str) -> None:
        """Restart with these in ``signing.keys``; without any, without the section."""
        await self.shop.stop()
        self._yaml.write_text(TINY_SHOP + section(*references))
        await self.shop.start()

    async def receipt(self) -> str:
        """Sell something to a new customer and return the signed receipt."""
        purchase = await self.shop.bought("gems-500", customer=f"buyer-{next(self._buyers)}")
        await self.shop.until(lambda: self.shop.query("SELECT 1 FROM receipts WHERE about = ?", purchase["id"]))
        answer = await self.shop.as_server().get(f"/v1/purchases/{purchase['id']}/receipt")
        return str(answer.json["jws"])

    async def published(self) -> Any:
        return (await self.shop.as_nobody().get("/.well-known/jwks.json")).json

    async def status_of(self, token: str) -> int:
        """Return what a request with this session gets."""
        return (await self.shop.bearing(token).get("/v1/me")).status


def section(*references: str) -> str:
    return f"signing: {json.dumps({'keys': references})}\n" if references else ""


def header(token: str) -> Any:
    return jws.extract_compact(token.encode()).headers()


def checked(token: str, published: Mapping[str, Any]) -> Any:
    """Check a receipt as a stranger does, with a JOSE library and the published keys alone."""
    keys = KeySet.import_key_set(dict(published))
    return json.loads(jws.deserialize_compact(token, keys, algorithms=["Ed25519"]).payload)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    configure_logging("debug", "json", stream=written)
    yield written
    configure_logging("warning")


@pytest.fixture
async def rotating(data_folder: Path, database_url: str | None, log: io.StringIO) -> AsyncIterator[Rotating]:
    """A shop that has made a key for itself, as every shop has without the section."""
    async with running_shop(data_folder, environ=KEYS, database=database_url) as shop:
        yield Rotating(shop, data_folder)


async def test_receipts_of_an_old_key_are_good_after_it_is_gone(rotating: Rotating) -> None:
    made = await rotating.receipt()
    await rotating.sign_with("${OLD_KEY}", MADE_KEY)
    old = await rotating.receipt()
    await rotating.sign_with("${NEW_KEY}", "${OLD_KEY}")
    new = await rotating.receipt()
    await rotating.sign_with("${NEW_KEY}")

    published = await rotating.published()

    assert [checked(token, published)["number"] for token in (made, old, new)] == [1, 2, 3]
    kids = [header(token)["kid"] for token in (made, old, new)]
    assert len(set(kids)) == 3
    assert [key["kid"] for key in published["keys"]] == [kids[2], kids[0], kids[1]]
    assert all("d" not in key for key in published["keys"])


async def test_keys_that_have_signed_nothing_yet_are_published_the_signing_one_first(rotating: Rotating) -> None:
    await rotating.sign_with("${NEW_KEY}", "${OLD_KEY}")
    first = await rotating.published()
    await rotating.sign_with("${OLD_KEY}", "${NEW_KEY}")
    then = await rotating.published()

    assert len(first["keys"]) == 2
    assert then["keys"] == first["keys"][::-1]
    assert header(await rotating.receipt())["kid"] == then["keys"][0]["kid"]


async def test_a_session_outlives_its_key_only_while_that_is_listed(rotating: Rotating) -> None:
    await rotating.sign_with("${OLD_KEY}", MADE_KEY)
    token = await rotating.shop.session("ada")
    assert await rotating.status_of(token) == 200

    await rotating.sign_with("${NEW_KEY}", "${OLD_KEY}", MADE_KEY)
    assert await rotating.status_of(token) == 200
    newer = await rotating.shop.session("ada")
    assert header(newer)["kid"] != header(token)["kid"]

    await rotating.sign_with("${NEW_KEY}", MADE_KEY)
    assert await rotating.status_of(token) == 401
    assert await rotating.status_of(newer) == 200


async def test_a_receipts_key_that_is_gone_proves_no_session(rotating: Rotating) -> None:
    await rotating.sign_with("${OLD_KEY}", MADE_KEY)
    receipt, token = await rotating.receipt(), await rotating.shop.session("ada")
    await rotating.sign_with("${NEW_KEY}", MADE_KEY)

    assert header(token)["kid"] in [key["kid"] for key in (await rotating.published())["keys"]]
    assert [await rotating.status_of(text) for text in (token, receipt)] == [401, 401]


async def test_with_keys_in_the_configuration_none_is_made(tmp_path: Path) -> None:
    async with running_shop(tmp_path, TINY_SHOP + section("${NEW_KEY}"), environ=KEYS) as shop:
        assert await Rotating(shop, tmp_path).receipt()

    assert list((tmp_path / "data" / "keys").glob("signing-*")) == []
    async with running_shop(tmp_path, TINY_SHOP, environ=KEYS):
        assert len(list((tmp_path / "data" / "keys").glob("signing-*"))) == 1


async def test_a_private_key_is_met_nowhere(rotating: Rotating, log: io.StringIO) -> None:
    await rotating.sign_with("${NEW_KEY}", "${OLD_KEY}", MADE_KEY)
    shop = rotating.shop
    await rotating.receipt()
    said = [json.dumps(await rotating.published())]
    for token in (KEYS["NEW_KEY"].replace("\n", " "), heart_of(KEYS["OLD_KEY"]), await shop.session("ada") + "x"):
        said += [str(await shop.bearing(token).get("/v1/me")), str(await shop.bearing(token).get("/v1/catalog"))]
    for path in ("/metrics", "/openapi.json", "/readyz"):
        async with shop.http.get(path) as response:
            said.append(await response.text())
    said.append(repr(shop.parts.host.config))
    for table in ("settings", "receipt_keys", "receipts", "audit_actions", "events", "jobs"):
        said += [str(row) for row in shop.query(f"SELECT * FROM {table}")]
    said += log.getvalue().splitlines()

    assert len(said) > 20
    for pem in KEYS.values():
        assert [text[:300] for text in said if heart_of(pem) in text] == []
