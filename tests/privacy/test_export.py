"""Everything that is held about a customer comes out as one document: to whom, whole, and written down."""

import json
import sqlite3
from contextlib import closing
from typing import Any

from storefront.testing import OPERATOR_KEY, TINY_SHOP, Shop
from tests.cli.conftest import storefront
from tests.exports.bazaar import bazaar
from tests.fanfunding.tipping import tip
from tests.migrations.conftest import DATA

SEEDED = ("ada@example.com", "for Ada's birthday", "Ada from Linz", "Hi from Ada", "4242")
"""What people wrote about one customer, or she herself."""
CURSORS = frozenset({"settings", "webhook_endpoints"})
"""Tables that say how far somebody has come with all events: by chance with one of hers."""


async def test_whatever_names_a_customer_is_in_the_document(data_folder, database_url):
    async with bazaar(data_folder, database_url) as shop:
        await seed(shop)
        operator = shop.bearing(OPERATOR_KEY)
        customer_id = shop.query("SELECT id FROM customers WHERE external_id = 'ada'")[0]["id"]
        tables = shop.rows().keys() - CURSORS
        before = {name: naming(shop, name, customer_id) for name in tables}
        document = (await operator.get("/v1/customers/ada/export")).json
        told = json.dumps(document, ensure_ascii=False)
        for text in SEEDED:
            assert text in told, text
        missing = {}
        for name in tables:
            after = naming(shop, name, customer_id)  # what is counted in the background may have moved on meanwhile
            stood = [row for row in before[name] if row in after]
            if lost := [row for row in stood if not is_shown(row, document, name)]:
                missing[name] = lost
        assert missing == {}
        filled = {name for name, rows in document["sections"].items() if rows}
        assert filled >= {"customers", "purchases", "payments", "mail_addresses", "fraud_decisions", "events", "inbox",
                          "subscriptions", "fanfunding_tips", "receipts"}  # fmt: skip


async def test_it_is_handed_out_to_those_who_may_and_that_is_written_down(shop):
    operator = shop.bearing(OPERATOR_KEY)
    await shop.bought("gems-500", customer="ada")
    await shop.bought("gems-500", customer="bob")

    async def limited(kind: str, scope: str) -> str:
        made = await operator.post("/v1/keys", {"kind": kind, "name": scope, "scopes": [scope]})
        key: str = made.json["key"]
        return key

    for credential, status in (
        (await limited("server", "privacy:read"), 200),
        (await limited("operator", "privacy:read"), 200),
        (await limited("server", "customers:read"), 403),
        (await limited("operator", "exports:read"), 403),
        (await shop.session("ada"), 403),
    ):
        answer = await shop.bearing(credential).get("/v1/customers/ada/export")
        assert answer.status == status, (credential, answer)
    unknown = await operator.get("/v1/customers/nobody/export")
    assert (unknown.status, unknown.json["code"]) == (404, "not_found")

    document = (await operator.get("/v1/customers/ada/export")).json
    by_our_id = (await operator.get(f"/v1/customers/{document['id']}/export")).json
    assert (by_our_id["customer"], document["customer"]) == ("ada", "ada")
    owners = {row["customer_id"] for row in document["sections"]["purchases"]}
    assert (owners, len(document["sections"]["purchases"])) == ({document["id"]}, 1)
    assert document["sections"]["customers"][0]["external_id"] == "ada"
    assert "fingerprint" not in document["sections"]["idempotency"][0]
    written = shop.query("SELECT about, facts FROM audit_actions WHERE action = 'customer.exported'")
    assert written == [{"about": document["id"], "facts": "{}"}] * 4


def test_a_shell_writes_it_to_a_file_of_its_own_or_prints_it(tmp_path):
    config, output = tmp_path / "shop.yaml", tmp_path / "ada.json"
    config.write_text(TINY_SHOP)
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data/storefront.sqlite")) as connection:
        connection.executescript((DATA / "0001.sql").read_text())
    where = ("-c", config, "-d", tmp_path / "data")
    assert storefront("migrate", *where).returncode == 0

    written = storefront("customers", "export", "ada", "--output", output, "--json", *where)
    printed = storefront("customers", "export", "ada", "--json", *where)
    read = storefront("customers", "export", "ada", *where)
    unknown = storefront("customers", "export", "nobody", *where)

    document = json.loads(output.read_text())
    told = json.loads(written.stdout)
    assert (told["customer"], told["rows"]["customers"], told["output"]) == ("ada", 1, str(output))
    assert (output.stat().st_mode & 0o777, list(tmp_path.glob(".*.part"))) == (0o600, [])
    sections = json.loads(printed.stdout)["sections"]
    assert sections["purchases"] == document["sections"]["purchases"] != []
    assert ("customers 1 of 1" in read.stdout, "Nothing is held in" in read.stdout) == (True, True)
    assert (unknown.returncode, "There is no such customer." in unknown.stderr) == (1, True)


async def seed(shop: Shop) -> None:
    """Let words about Ada come in that nothing else has in it."""
    await shop.bought("gems-500", metadata={"note": "for Ada's birthday"})
    await tip(shop, 600, by=shop.as_customer("ada"), name="Ada from Linz", message="Hi from Ada")
    await shop.quiet()


def naming(shop: Shop, table: str, customer_id: str) -> list[dict[str, Any]]:
    """Return the rows that have her id in any of their columns, as a search of the whole database finds them."""
    rows = shop.query(f"SELECT * FROM {table}")
    return [row for row in rows if any(customer_id in worded(value) for value in row.values())]


def worded(value: Any) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)


def is_shown(row: dict[str, Any], document: dict[str, Any], table: str) -> bool:
    """Tell whether a row stands in its section, by all of its texts."""
    texts = {name: value for name, value in row.items() if isinstance(value, str)}
    return any(
        all(shown.get(name, value) == value for name, value in texts.items())
        for shown in document["sections"].get(table, [])
    )
