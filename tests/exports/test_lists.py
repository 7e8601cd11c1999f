"""Every list of core and plugins: the same in each format and on the wire, and harmless to a spreadsheet."""

import asyncio
import csv
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow
import pyarrow.parquet

from storefront.testing import OPERATOR_KEY, Shop
from tests.exports.bazaar import HOSTILE, bazaar
from tests.exports.taking import fetch, read, rows

MOVES = {"audit-actions": "each export adds to it"}
"""Lists that grow while they are looked at: what was there before is compared."""
HANG_SECONDS = 60.0
WITHIN = re.compile(r"([;\t\r\n][\"\s]*)'(?=[=+\-@＝＋－＠])")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
LISTED: Mapping[str, tuple[str, frozenset[str]]] = {
    "purchases": ("/v1/purchases", frozenset({"payment", "refunds"})),
    "reviews": ("/v1/reviews", frozenset()),
    "disputes": ("/v1/disputes", frozenset()),
    "manual-payments": ("/v1/manual-payments", frozenset({"purchase_id"})),
    "holds": ("/v1/holds", frozenset()),
    "grants": ("/v1/grants", frozenset()),
    "transfers": ("/v1/transfers", frozenset({"instances"})),
    "usage-lines": ("/v1/usage/lines", frozenset({"period"})),
    "keys": ("/v1/keys", frozenset()),
    "webhook-endpoints": ("/v1/webhook-endpoints", frozenset({"deliveries"})),
    "inbox": ("/v1/inbox", frozenset()),
    "jobs": ("/v1/jobs", frozenset()),
    "alarms": ("/v1/alarms", frozenset()),
    "payouts": ("/v1/fanfunding/payouts", frozenset()),
    "deliveries": ("/v1/microtransactions/deliveries", frozenset()),
    "fraud-decisions": ("/v1/fraud/decisions", frozenset()),
}
"""List -> the route that shows it to operators, and what of its objects a list of its own, or another column, says."""
KEYS = {"inbox": ("gateway", "account", "event"), "fraud-decisions": ("purchase", "stage"), "reviews": ("purchase",),
        "manual-payments": ("reference",)}  # fmt: skip
OWED = {"returned": "amount", "refunded": "amount", "captured": "asset", "fee": "asset", "amount": "asset"}
"""Amounts that stand beside their currency on the wire, not with it."""


async def test_every_list_has_rows_that_are_the_same_in_each_format_and_on_the_wire(data_folder, database_url):
    async with bazaar(data_folder, database_url) as shop:
        told = {one["list"]: one for one in (await shop.bearing(OPERATOR_KEY).get("/v1/exports")).json["data"]}
        assert len(told) >= 53
        for name, one in told.items():
            await the_formats_agree(shop, one)
            found = await rows(shop, name)
            assert [column["name"] for column in one["columns"]] == list(found[0])
        for name, (path, besides) in LISTED.items():
            await the_wire_agrees(shop, name, path, besides)
        await strangers_are_harmless(shop, told)


async def the_formats_agree(shop: Shop, one: dict[str, Any]) -> None:
    """Hold the three files of a list against each other, each read by somebody else's library."""
    name, kinds = one["list"], {column["name"]: column["type"] for column in one["columns"]}
    lines, sheet, body = await at_one_moment(shop, name)
    table = pyarrow.parquet.read_table(io.BytesIO(body))
    columnar = read(body, "parquet")
    assert lines != [], name
    if name in MOVES:
        sheet, columnar = sheet[: len(lines)], columnar[: len(lines)]
    types = {"integer": pyarrow.int64(), "boolean": pyarrow.bool_(), "time": pyarrow.timestamp("ms", "UTC")}
    assert {field.name: field.type for field in table.schema} == {
        column: types.get(kind, pyarrow.string()) for column, kind in kinds.items()
    }
    assert [{column: wire(kinds[column], value) for column, value in row.items()} for row in columnar] == lines, name
    assert [{column: cell(kinds[column], value) for column, value in row.items()} for row in lines] == [
        unquoted(row, kinds) for row in sheet
    ], name


async def at_one_moment(shop: Shop, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], bytes]:
    """Return a list in each format, taken again where something moved meanwhile: a job that is tried, for example."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            lines = await rows(shop, name)
            sheet, body = await rows(shop, name, "csv"), await fetch(shop, name, "parquet")
            if name in MOVES or await rows(shop, name) == lines:
                return lines, sheet, body


def wire(kind: str, value: Any) -> Any:
    """Return a value of a Parquet file as JSON lines say it."""
    if value is None:
        return None
    if kind == "time":
        assert isinstance(value, datetime)
        assert value.tzinfo is not None
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return msgspec.json.decode(value) if kind == "json" else value


def cell(kind: str, value: Any) -> Any:
    """Return a value of JSON lines as a cell of CSV says it; documents stay as they are."""
    if value is None:
        return ""
    if kind == "boolean":
        return "true" if value else "false"
    return value if kind == "json" else str(value)


def unquoted(row: dict[str, str], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return a row of CSV without what keeps its cells from being formulas, documents read."""
    plain = {name: WITHIN.sub(r"\1", text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text)
             for name, text in row.items()}  # fmt: skip
    return {name: msgspec.json.decode(text) if kinds[name] == "json" and text else text for name, text in plain.items()}


async def the_wire_agrees(shop: Shop, name: str, path: str, besides: frozenset[str]) -> None:
    """Hold a list against what the API shows to operators, object by object."""
    keys = KEYS.get(name, ("id",))
    exported = {tuple(row[key] for key in keys): row for row in await rows(shop, name)}
    shown = await every(shop, path)
    assert len(shown) == len(exported), name
    for one in shown:
        flat = flattened(one, besides)
        row = exported[tuple(flat[key] for key in keys)]
        assert {column: row.get(column, "missing") for column in flat} == flat, name


def flattened(one: dict[str, Any], besides: frozenset[str]) -> dict[str, Any]:
    """Return an object of the API as a row: money as its columns, a customer by their name."""
    flat: dict[str, Any] = {}
    for name, value in one.items():
        if name in besides:
            continue
        if isinstance(value, dict) and set(value) == {"amount", "currency"}:
            flat |= {f"{name}_minor": value["amount"], "currency": value["currency"]}
        elif name in ("customer", "recipient", "from", "to") and isinstance(value, dict):
            flat[name] = value["id"]
        elif name in OWED and not isinstance(value, str):
            flat[f"{name}_minor"] = value
        else:
            flat[name] = value
    return flat


async def every(shop: Shop, path: str) -> list[dict[str, Any]]:
    """Return all pages of a list."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        pages = path in ("/v1/keys", "/v1/webhook-endpoints", "/v1/manual-payments")
        answer = await shop.bearing(OPERATOR_KEY).get(path if pages else f"{path}?limit=100{after}")
        assert answer.status == 200, answer
        found += answer.json["data"]
        if answer.json["next"] is None:
            return found
        after = f"&after={answer.json['next']}"


async def strangers_are_harmless(shop: Shop, told: Mapping[str, Any]) -> None:
    """Look at every cell that a stranger may have written: none begins a formula, and Parquet has it as it was."""
    for name, one in told.items():
        strangers = [column["name"] for column in one["columns"] if column["type"] in ("text", "json")]
        sheet = await rows(shop, name, "csv")
        assert [row[column] for row in sheet for column in strangers if row[column].startswith(FORMULA)] == [], name
        text = (await fetch(shop, name, "csv")).decode()
        for split in (";", "\t"):  # as a spreadsheet of half of Europe reads it
            cells = [one.strip() for row in csv.reader(io.StringIO(text), delimiter=split) for one in row[1:]]
            assert [one for one in cells if one.startswith(FORMULA)] == [], name
    people = {row["customer"] for row in await rows(shop, "customers", "csv")}
    assert people == {"ada", "bob", "'" + HOSTILE.replace(";=", ";'=")} | {
        one for one in people if one.startswith("guest")
    }
    assert HOSTILE in {row["customer"] for row in await rows(shop, "customers", "parquet")}
    reasons = {row["reason"] for row in await rows(shop, "refunds", "parquet")}
    assert '+asked\nfor, "twice"' in reasons
    assert "'" + '+asked\nfor, "twice"' in {row["reason"] for row in await rows(shop, "refunds", "csv")}
    titles = {row["title"] for row in await rows(shop, "purchase-lines", "parquet")}
    assert {"مشروب", '=1+1 sword, "sharp"\nand long'} <= titles
    credited = [row["amount"] for row in await rows(shop, "postings", "csv") if row["asset"] == "USD"]
    assert "4.99" in credited
