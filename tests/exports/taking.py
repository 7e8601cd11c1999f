"""What tests of exports do again and again: take a list out, and read the file with somebody else's library."""

import csv
import io
from typing import Any

import msgspec
import pyarrow.parquet

from storefront.testing import OPERATOR_KEY, ShopClient

PATH = "/v1/exports"


async def fetch(
    shop: ShopClient, name: str, file_format: str = "csv", *, key: str = OPERATOR_KEY, **query: str
) -> bytes:
    """Return a list's file; ``query`` are filters."""
    headers = {"Authorization": f"Bearer {key}"}
    asked = {"format": file_format, **query}
    async with shop.http.get(f"{PATH}/{name}", params=asked, headers=headers) as response:
        body = await response.read()
        assert response.status == 200, body
        return body


async def rows(shop: ShopClient, name: str, file_format: str = "jsonl", **query: str) -> list[dict[str, Any]]:
    """Return a list's rows as the library of that format reads them."""
    return read(await fetch(shop, name, file_format, **query), file_format)


def read(body: bytes, file_format: str) -> list[dict[str, Any]]:
    if file_format == "csv":
        return list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    if file_format == "parquet":
        found: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()
        return found
    return [msgspec.json.decode(line) for line in body.splitlines()]
