"""Taking a list out: by whom, narrowed by what, written down, in one snapshot, in flat memory, a few at once."""

import csv
import gzip
import io
import sqlite3
from contextlib import closing

import asyncpg
import msgspec
import psutil
import pyarrow.parquet

from storefront.core.sqlite_database import SqliteDatabase
from storefront.testing import OPERATOR_KEY, PUBLISHABLE_KEY, SERVER_KEY
from tests.exports.taking import PATH, fetch, rows

MANY = 200_000
FLAT_BYTES = 48_000_000
"""Less than the texts of 200,000 such rows take alone, and far more than the pages of some exports."""
BEARER = {"Authorization": f"Bearer {OPERATOR_KEY}", "Accept-Encoding": "identity"}


async def test_operators_alone_take_lists_out_and_only_with_both_scopes(shop):
    operator = shop.bearing(OPERATOR_KEY)
    await shop.bought("gems-500")

    async def asked(credential: str | None, path: str = f"{PATH}/purchases") -> tuple[int, str | None]:
        answer = await (shop.as_nobody() if credential is None else shop.bearing(credential)).get(path)
        return answer.status, None if answer.json is None else answer.json.get("code")

    async def limited(*scopes: str) -> str:
        made = await operator.post("/v1/keys", {"kind": "operator", "name": "limited", "scopes": list(scopes)})
        return made.json["key"]

    assert await asked(OPERATOR_KEY) == (200, None)
    assert await asked(await limited("exports:read", "purchases:read")) == (200, None)
    for credential in (SERVER_KEY, await shop.session()):
        assert await asked(credential) == (403, "forbidden")
    for path in (PATH, f"{PATH}/purchases"):
        assert (await asked(None, path))[0] == 401
        assert (await asked(PUBLISHABLE_KEY, path))[0] in (401, 403)
    assert await asked(await limited("purchases:read")) == (403, "missing_scope")
    half = await limited("exports:read")
    assert (await asked(half, PATH), await asked(half)) == ((200, None), (403, "missing_scope"))
    for query, wrong in (
        ("?asset=gems", "?asset"), ("?from=yesterday", "?from"), ("?format=xls", "?format"), ("?color=red", "?color"),
    ):  # fmt: skip
        refused = await operator.get(f"{PATH}/purchases{query}")
        assert (refused.status, [one["pointer"] for one in refused.json["errors"]]) == (422, [wrong])
    assert await asked(OPERATOR_KEY, f"{PATH}/secrets") == (404, "not_found")
    assert await asked(OPERATOR_KEY, f"{PATH}/purchases?customer=nobody") == (404, "not_found")
    refused = shop.query("SELECT count(*) AS n FROM audit_actions WHERE action = 'export.begun'")
    assert refused == [{"n": 2}]


async def test_filters_narrow_a_list_and_what_was_taken_out_is_written_down(shop):
    for customer in ("ada", "bob", "bob"):
        await shop.bought("gems-500", customer=customer)
    assert (await shop.buy("gems-500", customer="ada")).status == 202
    (first, second, third) = (await rows(shop, "purchases", state="completed"))[:3]

    bobs = await rows(shop, "purchases", customer="bob")
    early = await rows(shop, "purchases", "parquet", until=third["created_at"])
    late = await rows(shop, "purchases", "csv", **{"from": third["created_at"]})
    odd = await rows(shop, "purchases", state="sk_live_01secret0typed0by0mistake")

    assert [row["id"] for row in bobs] == [second["id"], third["id"]]
    assert [row["id"] for row in early] == [first["id"], second["id"]]
    assert [row["status"] for row in late] == ["completed", "pending"]
    assert odd == []
    (bob,) = shop.query("SELECT id FROM customers WHERE external_id = 'bob'")
    told = shop.query("SELECT * FROM audit_actions WHERE action LIKE 'export.%' ORDER BY id")
    assert {(row["actor"], row["about"]) for row in told} == {("key:key_demo_ak", "purchases")}
    assert [(row["action"], msgspec.json.decode(row["facts"])) for row in told[2:4]] == [
        ("export.begun", {"format": "jsonl", "filters": {"customer": bob["id"]}}),
        ("export.ended", {"format": "jsonl", "filters": {"customer": bob["id"]}, "rows": 2, "whole": True}),
    ]
    kept = [msgspec.json.decode(row["facts"])["filters"] for row in told[4::2]]
    assert kept == [{"until": third["created_at"]}, {"from": third["created_at"]}, {"state": "[redacted]"}]


async def test_files_are_named_compressed_if_asked_and_marked_for_excel_if_asked(shop):
    await shop.bought("gems-500")
    plain = await fetch(shop, "purchases", "csv")
    path = f"{PATH}/purchases?format=csv"
    async with shop.http.get(path, headers=BEARER) as response:
        named = response.headers["Content-Disposition"], response.headers["Content-Type"]
        uncompressed = "Content-Encoding" in response.headers
    async with shop.http.request(
        "GET", path, headers=BEARER | {"Accept-Encoding": "gzip"}, auto_decompress=False
    ) as response:  # fmt: skip
        packed = await response.read()
    async with shop.http.head(path, headers=BEARER) as response:
        looked = response.status, await response.read()
    marked = await fetch(shop, "purchases", "csv", bom="true")

    assert named == ('attachment; filename="purchases.csv"', "text/csv; charset=utf-8")
    assert uncompressed is False
    assert gzip.decompress(packed) == plain
    assert marked == b"\xef\xbb\xbf" + plain
    assert looked == (200, b"")
    assert len(shop.query("SELECT id FROM audit_actions WHERE action = 'export.begun'")) == 4
    assert plain.endswith(b"\r\n")
    assert len(list(csv.reader(io.StringIO(plain.decode(), newline="")))) == 2


async def test_two_hundred_thousand_rows_are_one_snapshot_in_flat_memory_and_few_run_at_once(shop, database_url):
    await shop.session("ada")
    await fill(shop, database_url)
    path = f"{PATH}/customers"
    process = psutil.Process()
    began = peak = process.memory_info().rss
    async with shop.http.get(path, params={"format": "csv"}, headers=BEARER) as one:
        head = await one.content.readexactly(100)
        # Whoever comes now sorts behind all others, and is read by nobody who has begun before.
        await shop.session("zoe")
        async with shop.http.get(path, params={"format": "jsonl"}, headers=BEARER) as two:
            await two.content.readexactly(100)
            third = await shop.bearing(OPERATOR_KEY).get(path)
            assert (third.status, third.headers["Retry-After"]) == (503, "10")
            two.close()  # hung up
        lines, newest = head.count(b"\n"), b""
        async for piece in one.content.iter_chunked(1 << 16):
            lines, newest = lines + piece.count(b"\n"), (newest + piece)[-200:]
            peak = max(peak, process.memory_info().rss)
    assert lines == 1 + MANY + 1  # the head, ada, and the many
    assert b"zoe" not in newest
    assert peak - began < FLAT_BYTES

    asked = "SELECT facts FROM audit_actions WHERE action = 'export.ended'"
    await shop.until(lambda: len(shop.query(asked)) == 2)
    ended = [msgspec.json.decode(row["facts"]) for row in shop.query(asked)]
    assert sorted((one["format"], one["whole"], one["rows"] < MANY) for one in ended) == [
        ("csv", True, False), ("jsonl", False, True),
    ]  # fmt: skip
    body = await fetch(shop, "customers", "parquet")
    found = pyarrow.parquet.ParquetFile(io.BytesIO(body))
    assert found.metadata.num_rows == MANY + 2
    assert {found.metadata.row_group(at).num_rows for at in range(found.num_row_groups - 1)} == {10_000}
    assert found.read_row_group(found.num_row_groups - 1).to_pylist()[-1]["customer"] == "zoe"


async def fill(shop, database_url) -> None:
    """Put very many customers in, who sort before all others."""
    if isinstance(shop.database, SqliteDatabase):
        with closing(sqlite3.connect(shop.database.name)) as connection, connection:
            connection.execute(
                "INSERT INTO customers (id, external_id, created_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                "SELECT i + 1 FROM n WHERE i < ?) "
                "SELECT printf('cus_000%09d', i), printf('bulk-%d-%s', i, hex(zeroblob(100))), i FROM n",
                (MANY,),
            )
        return
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "INSERT INTO customers (id, external_id, created_at) SELECT 'cus_000' || lpad(i::text, 9, '0'), "
            f"'bulk-' || i || '-' || repeat('00', 100), i FROM generate_series(1, {MANY}) AS i"
        )
    finally:
        await connection.close()
