"""A customer who has done everything there is to do is erased: nobody finds a word of theirs, and the books stand."""

from pathlib import Path
from typing import Any

import structlog

from storefront.core.commit.plan import IdempotencyKey
from storefront.core.ids import new_id
from storefront.core.operating.notes import add_note
from storefront.testing import OPERATOR_KEY, Shop
from tests.exports.bazaar import bazaar
from tests.fanfunding.tipping import tip
from tests.subscriptions.changing import pass_days

WORDS = (
    "ada@example.com",
    "for Ada's birthday",
    "Ada from Linz",
    "Hi from Ada",
    "lost in Ada's outage",
    "Ada asked twice",
    "auction 42 of Ada",
    "Ada rang, is angry",
    "ada.device.7",
    "ada-key-1",
)
"""What was written about Ada, or came with her requests; nobody else has any of it."""
TOLD_BY_THE_GATEWAY = "ada@stripe.example"
"""What the gateway tells of its own record of her, as she is seeded and as she is deleted: it is never kept."""
GROUND = {"reason": "asked for it, ticket 812"}


async def test_nobody_finds_a_word_of_who_was_erased(data_folder, database_url):
    async with bazaar(data_folder, database_url) as shop:
        await seed(shop)
        operator, customer_id = shop.bearing(OPERATOR_KEY), id_of(shop, "ada")
        for word in WORDS:
            assert found_in_tables(shop, word), f"{word} was never there"
        (payer,) = shop.query("SELECT reference FROM payers WHERE customer_id = ?", customer_id)
        assert "inbox.raw" in found_in_tables(shop, payer["reference"])
        with structlog.testing.capture_logs() as logs:
            done = await erased(shop, "ada")
            await shop.quiet()
        assert (done["state"], done["id"]) == ("done", customer_id)

        gone = (*WORDS, TOLD_BY_THE_GATEWAY, payer["reference"])
        assert {word: places for word in gone if (places := found_in_tables(shop, word))} == {}
        assert shop.query("SELECT 1 AS n FROM inbox WHERE type = 'customer.deleted'") != []
        assert [line for line in logs for word in (*WORDS, "'ada'") if word in repr(line)] == []
        assert shop.query("SELECT value FROM fraud_list_entries WHERE value = 'ada' OR value = ?", customer_id) == []
        read = shop.query("SELECT attributes, identity FROM fraud_decisions WHERE customer_id = ?", customer_id)
        assert {tuple(row.values()) for row in read} == {("{}", "{}")}
        assert found_in_tables(shop, '"ada"') == [] == found_in_tables(shop, "customer:ada")
        assert (await operator.get("/v1/customers/ada/export")).status == 404
        for name in (one["list"] for one in (await operator.get("/v1/exports")).json["data"]):
            told = await exported(shop, name)
            assert [word for word in (*WORDS, '"ada"') if word in told] == [], name
        metrics = await text_at(shop, "/metrics")
        assert [word for word in WORDS if word in metrics] == []
        if database_url is None:
            assert raw_words(Path(shop.database.name)) == []


async def exported(shop: Shop, name: str) -> str:
    """Return a whole list as it is handed out."""
    return await text_at(shop, f"/v1/exports/{name}?format=jsonl")


async def text_at(shop: Shop, path: str) -> str:
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    async with shop.http.get(path, headers=headers) as response:
        assert response.status == 200, path
        return await response.text()


async def seed(shop: Shop) -> None:
    """Let words about Ada come in that nothing else has in it."""
    server, ada = shop.as_server(), shop.as_customer("ada")
    bought = await shop.bought("gems-500", metadata={"note": "for Ada's birthday", "device": "ada.device.7"},
                               key="ada-key-1")  # fmt: skip
    await tip(shop, 600, by=ada, name="Ada from Linz", message="Hi from Ada")
    grant = {"customer": "ada", "asset": "gems", "amount": 5, "reason": "lost in Ada's outage"}
    assert (await server.post("/v1/grants", grant, key="grant-ada")).status == 201
    hold = {"customer": "ada", "asset": "gems", "amount": 2, "expires_in_seconds": 300, "reason": "auction 42 of Ada"}
    assert (await server.post("/v1/holds", hold, key="hold-ada")).status == 201
    refund = {"reason": "Ada asked twice"}
    assert (await server.post(f"/v1/purchases/{bought['id']}/refunds", refund, key="back-ada")).status in (201, 202)
    await shop.quiet()
    customer_id = id_of(shop, "ada")
    listed = {"values": ["ada"], "reason": "seen"}
    assert (await server.post("/v1/fraud/lists/reported_customers/add", listed)).status == 200
    payer = shop.query("SELECT reference FROM payers WHERE customer_id = ?", customer_id)[0]["reference"]
    await name_payer(shop, payer)
    await note(shop, customer_id)


async def name_payer(shop: Shop, payer: str) -> None:
    """Let the gateway tell something of Ada that we never asked for."""
    await shop.sandbox.call(f"customers/{payer}", {"email": TOLD_BY_THE_GATEWAY, "name": "Ada"})
    await shop.quiet()


async def note(shop: Shop, customer_id: str) -> None:
    """Let support note something, as it does at the console."""
    key = IdempotencyKey("operator:opr_x", "note", "n1", b"n1")
    await add_note(shop.parts.services, key, customer_id, "Ada rang, is angry")


async def erased(shop: Shop, name: str) -> Any:
    """Erase somebody, letting days pass until what cannot be ended is over; return the answer."""
    operator, customer_id = shop.bearing(OPERATOR_KEY), id_of(shop, name)
    for _ in range(40):
        answer = await operator.post(f"/v1/customers/{name}/erase", {**GROUND, "end": True, "forfeit": True},
                                     key=new_id("key"))  # fmt: skip
        if answer.status == 200:
            break
        await pass_days(shop, 1)
    assert answer.status == 200, answer
    await shop.quiet()
    return (await operator.post(f"/v1/customers/{customer_id}/erase", GROUND, key=new_id("key"))).json


def id_of(shop: Shop, name: str) -> str:
    return str(shop.query("SELECT id FROM customers WHERE external_id = ?", name)[0]["id"])


def found_in_tables(shop: Shop, word: str) -> list[str]:
    """Return where a word is, table and column, of all columns of all tables."""
    found = []
    for table in shop.rows():
        for row in shop.query(f"SELECT * FROM {table}"):
            found += [f"{table}.{name}" for name, value in row.items() if word in worded(value)]
    return sorted(set(found))


def worded(value: Any) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)


def raw_words(path: Path) -> list[str]:
    """Return the words that stand anywhere in a database's files, free pages and logs included."""
    files = [one for one in path.parent.glob(f"{path.name}*") if one.is_file()]
    return [
        f"{word} in {one.name}"
        for one in files
        for word in (*WORDS, TOLD_BY_THE_GATEWAY)
        if word.encode() in one.read_bytes()
    ]
