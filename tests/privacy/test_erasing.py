"""Erasing a customer: refused while anything is under way, then once and for all, and nothing is charged any more."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import asyncpg
import pytest

from storefront.core.commit.plan import PlaceHold, Plan, Redact
from storefront.core.errors import NotFound
from storefront.core.ids import new_id
from storefront.core.payment_methods import need_method
from storefront.core.sqlite_database import SqliteDatabase
from storefront.testing import OPERATOR_KEY, Answer, Shop
from storefront.testing.tiny_shop import HANG_SECONDS

WHY = {"reason": "asked for it, ticket 812"}


async def erase(shop: Shop, name: str = "ada", **more: Any) -> Answer:
    key = more.pop("key", None) or new_id("key")
    return await shop.bearing(OPERATOR_KEY).post(f"/v1/customers/{name}/erase", {**WHY, **more}, key=key)


async def buyer(shop: Shop, name: str = "ada") -> Any:
    """Return a customer as their client sees the shop, with a session of their own."""
    return shop.bearing(await shop.session(name))


async def test_who_was_erased_was_never_here(shop):
    old = await buyer(shop)
    await shop.bought("gems-500", save_payment_method=True, metadata={"note": "words of hers"})
    refused = await erase(shop)
    assert (refused.status, refused.json["code"], refused.json["wallets"]) == (409, "erasure_refused", {"gems": 500})

    done = await erase(shop, forfeit=True)
    assert (done.status, shop.balance("customer:ada:gems")) == (200, 0)
    await shop.quiet()

    again = (await erase(shop, done.json["id"])).json
    assert (again["state"], again["last_error"]) == ("done", None)
    assert (await erase(shop)).status == 404
    assert (await old.get("/v1/me")).status == 401
    (row,) = shop.query("SELECT external_id, country, erased_at FROM customers WHERE id = ?", done.json["id"])
    assert row["external_id"].startswith("erased:")
    assert (row["country"], row["erased_at"] is not None) == (None, True)
    (method,) = shop.query("SELECT brand, last4, fingerprint, forgotten_at FROM payment_methods")
    assert method["forgotten_at"] is not None
    assert {method[name] for name in ("brand", "last4", "fingerprint")} == {None}
    assert [row["metadata"] for row in shop.query("SELECT metadata FROM purchases")] == ["{}"]
    (record,) = shop.query("SELECT about, facts FROM audit_actions WHERE action = 'customer.erased'")
    assert record == {"about": done.json["id"], "facts": '{"ground":"asked for it, ticket 812"}'}


async def test_whoever_comes_again_is_somebody_else(shop):
    await shop.bought("gems-500")
    gone = (await erase(shop, forfeit=True)).json["id"]
    ada = await buyer(shop)
    bought = await ada.post("/v1/purchases", {"sku": "gems-500", "currency": "USD"}, key="anew")
    assert bought.status == 202, bought
    assert await shop.pay(bought) == 303
    await shop.quiet()
    found = shop.query("SELECT id FROM customers WHERE external_id = 'ada'")
    assert [row["id"] for row in found] != [gone]
    assert shop.balance("customer:ada:gems") == 500


async def test_a_dry_run_tells_what_would_go_and_writes_nothing(shop):
    await shop.bought("gems-500", metadata={"note": "words of hers"})
    await shop.until(lambda: shop.query("SELECT 1 AS n FROM receipts"))
    await shop.quiet()
    before = shop.rows()
    told = (await erase(shop, dry_run=True)).json
    assert (told["state"], told["wallets"], told["obstacles"]) == ("refused", {"gems": 500}, [])
    assert told["erases"]["purchases"] == 1
    assert "receipts" in {one["table"] for one in told["keeps"]}
    assert shop.rows() == before


async def test_what_is_under_way_is_named_and_ended_if_that_is_asked_for(shop):
    server = shop.as_server()
    await shop.bought("gems-500")
    pending = (await shop.buy("gems-500", currency="USD")).json["id"]
    hold = {"customer": "ada", "asset": "gems", "amount": 20, "expires_in_seconds": 300, "reason": "auction"}
    held = (await server.post("/v1/holds", hold, key="hold")).json["id"]
    refused = (await erase(shop)).json
    assert {(one["what"], one["id"], one["ends"]) for one in refused["obstacles"]} == {
        ("purchase", pending, True),
        ("hold", held, True),
    }
    assert (await erase(shop, end=True, forfeit=True)).status == 200
    assert (await shop.seen({"id": pending}))["status"] == "canceled"


async def test_a_buyer_and_an_erasure_at_once_leave_no_purchase_behind_a_tombstone(shop):
    await shop.bought("gems-500")
    for number in range(8):
        ada = await buyer(shop, f"racer-{number}")
        server = shop.as_server()
        buys = (ada.post("/v1/purchases", {"sku": "gems-500", "currency": "USD"}, key=f"r{at}") for at in range(3))
        gives = server.post("/v1/grants", {"customer": f"racer-{number}", "asset": "gems", "amount": 5,
                                           "reason": "luck"}, key=f"g{number}")  # fmt: skip
        *others, first = await asyncio.gather(gives, *buys, erase(shop, f"racer-{number}"))
        assert first.status in (200, 404, 409), first
        assert {one.status for one in others} <= {201, 202, 401, 404}, others
    await shop.quiet()
    left = "SELECT a.id FROM accounts a JOIN erasures e ON a.owner = 'customer:' || e.customer_id WHERE a.balance > 0"
    assert shop.query(left) == []
    late = "SELECT p.id FROM purchases p JOIN erasures e ON e.customer_id = p.customer_id WHERE p.status = 'pending'"
    assert shop.query(late) == []


async def test_nothing_is_charged_after_an_erasure(shop):
    await shop.bought("gems-500", save_payment_method=True)
    ada = await buyer(shop)
    method = (await ada.get("/v1/payment-methods")).json["data"][0]["id"]
    before = await shop.sandbox.charged()
    (done,) = [(await erase(shop, forfeit=True)).json["id"]]
    await shop.quiet()
    with pytest.raises(NotFound):
        await need_method(shop.parts.services, done, method)
    assert await shop.sandbox.charged() == before
    assert shop.query("SELECT 1 AS n FROM payers") == []


async def test_a_refund_after_an_erasure_gives_the_money_back_and_leaves_no_word(shop):
    bought = await shop.bought("chest")
    done = await erase(shop)
    assert done.status == 200, done
    await shop.quiet()
    back = await shop.as_server().post(f"/v1/purchases/{bought['id']}/refunds", {"reason": "Ada rang"}, key="back")
    assert back.status in (201, 202), back
    await shop.quiet()
    assert [row["state"] for row in shop.query("SELECT state FROM reversals")] == ["completed"]
    assert [row["reason"] for row in shop.query("SELECT reason FROM reversals")] == ["erased"]
    assert shop.query("SELECT payload FROM events WHERE payload LIKE '%Ada rang%'") == []
    assert shop.query("SELECT facts FROM audit_actions WHERE facts LIKE '%Ada rang%'") == []


async def test_erasing_twice_at_once_is_one_erasure(shop):
    await shop.session("ada")
    answers = await asyncio.gather(*(erase(shop) for _ in range(4)))
    assert {one.status for one in answers} <= {200, 404}
    await shop.quiet()
    assert [row["state"] for row in shop.query("SELECT state FROM erasures")] == ["done"]
    assert len(shop.query("SELECT 1 AS n FROM audit_actions WHERE action = 'customer.erased'")) == 1


async def is_held_up(shop: Shop) -> str:
    """Erase ada while the gateway fails whenever it is to forget her; return our id of her."""
    await shop.sandbox.misbehave("status", on="DELETE /v1/customers/*", times=999)
    done = await erase(shop, forfeit=True)
    assert done.status == 200, done
    told = "SELECT last_error FROM erasures WHERE state = 'erasing' AND last_error IS NOT NULL"
    await shop.until(lambda: shop.query(told))
    assert shop.query(told) == [{"last_error": "OutcomeUnknown"}]
    return str(done.json["id"])


async def goes_on(shop: Shop) -> None:
    """Let the gateway work again, and the job come round."""
    await shop.sandbox.misbehave("status", on="GET /nowhere", clear=True)
    await shop.advance("1h")
    await shop.quiet()


async def test_an_erasure_goes_on_after_a_restart(shop):
    await shop.bought("gems-500", save_payment_method=True, metadata={"note": "words of hers"})
    await is_held_up(shop)
    assert shop.query("SELECT 1 AS n FROM purchases WHERE metadata LIKE '%words%'") == []
    await shop.restart()
    await goes_on(shop)
    assert [row["state"] for row in shop.query("SELECT state FROM erasures")] == ["done"]
    assert shop.query("SELECT 1 AS n FROM purchases WHERE metadata LIKE '%words%'") == []


async def test_what_was_decided_before_an_erasure_is_refused_by_its_commit(shop):
    await shop.session("ada")
    customer_id = shop.query("SELECT id FROM customers WHERE external_id = 'ada'")[0]["id"]
    plan = Plan(actor="test", anchors={customer_id})
    plan.add(PlaceHold("hold_late", customer_id, "gems", 1, 2**40, "decided before"))
    assert (await erase(shop)).status == 200
    with pytest.raises(NotFound, match="no such customer"):
        await shop.parts.services.engine.commit(plan)


async def test_a_stream_of_who_was_erased_ends(shop):
    token = await shop.session("ada")
    async with shop.http.get("/v1/stream", headers={"Authorization": f"Bearer {token}"}) as stream:
        await stream.content.readline()
        assert (await erase(shop)).status == 200
        async with asyncio.timeout(HANG_SECONDS):
            await stream.content.read()


async def test_guards_open_for_one_column_of_theirs_and_only_while_an_erasure_is_under_way(shop, database_url):
    for name in ("ada", "bob"):
        grant = {"customer": name, "asset": "gems", "amount": 1, "reason": "r"}
        assert (await shop.as_server().post("/v1/grants", grant, key=name)).status == 201
    await shop.quiet()
    ada, bob = (shop.query("SELECT id FROM customers WHERE external_id = ?", name)[0]["id"] for name in ("ada", "bob"))
    whose = f"reason = 'x' WHERE customer_id = '{ada}'"
    under_way = f"INSERT INTO erasures VALUES ('{ada}', 'erasing', 'me', NULL, NULL, NULL, 0, 0, NULL)"
    others = (
        f"UPDATE grants SET amount = 2, {whose}",
        f"UPDATE grants SET reason = 'x' WHERE customer_id = '{bob}'",
        f"UPDATE events SET type = 'x' WHERE anchor = '{ada}'",
        f"UPDATE events SET payload = 'x' WHERE anchor = '{bob}'",
        "UPDATE audit_actions SET actor = 'x'",
        f"DELETE FROM grants WHERE customer_id = '{ada}'",
    )
    done = ("UPDATE erasures SET state = 'done', done_at = 0", f"UPDATE grants SET {whose}")
    if isinstance(shop.database, SqliteDatabase):
        tried = _tried_on_file
        where = shop.database.name
    else:
        tried, where = _tried_on_server, database_url
    assert not await tried(where, f"UPDATE grants SET {whose}")
    assert await tried(where, under_way, f"UPDATE grants SET {whose}")
    assert await tried(where, under_way, f"UPDATE events SET payload = '{{}}' WHERE anchor = '{ada}'")
    for other in others:
        assert not await tried(where, under_way, other), other
    assert not await tried(where, under_way, *done)


async def _tried_on_file(path: str, *statements: str) -> bool:
    """Tell whether the guards let statements through, none of which stays."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            for statement in statements:
                connection.execute(statement)
        except sqlite3.IntegrityError as refused:
            assert "append-only" in str(refused)  # noqa: PT017 - it is told whether there was one
            return False
        finally:
            connection.rollback()
    return True


async def _tried_on_server(url: str, *statements: str) -> bool:
    """Tell the same of PostgreSQL."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
            raise _NothingStaysError
    except _NothingStaysError:
        return True
    except asyncpg.RaiseError as refused:
        assert "append-only" in str(refused)  # noqa: PT017 - it is told whether there was one
        return False
    finally:
        await connection.close()


class _NothingStaysError(Exception):
    """What was tried is rolled back."""


async def test_an_audit_while_an_erasure_is_under_way_excuses_what_is_half_erased(shop):
    """The books say ``erased`` already, the event and the record do not yet."""
    grant = {"customer": "ada", "asset": "gems", "amount": 1, "reason": "words of hers"}
    await shop.as_server().post("/v1/grants", grant, key="g")
    await shop.bought("gems-500", save_payment_method=True)
    ada = await is_held_up(shop)
    plan = Plan(actor="test", anchors={ada}, is_erasure=True)
    (given,) = shop.query("SELECT id FROM grants WHERE asset = 'gems' AND amount = 1")
    plan.add(Redact("grants", (given["id"],), ada, "erased"))
    await shop.parts.services.engine.commit(plan)
    assert (await shop.audit()).violations == ()
    await goes_on(shop)
    assert [row["state"] for row in shop.query("SELECT state FROM erasures")] == ["done"]
