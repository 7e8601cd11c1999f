"""Erasing, exporting and merging together: a person is whole under all names that they ever had."""

import asyncio
from typing import Any

from storefront.core.ids import new_id
from storefront.testing import OPERATOR_KEY, Shop, running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, tip
from tests.merging.test_merging import merge
from tests.merging.test_plugins import SCREENED
from tests.privacy.test_erasing import erase
from tests.privacy.test_erasure import found_in_tables, id_of


async def was_merged(shop: Shop, source: str, target: str) -> None:
    answer = await merge(shop, source, target)
    assert answer.status == 200, answer


async def lived(shop: Shop, name: str) -> None:
    """Let somebody leave words in rows that move with a merge, and in rows that stay where they are."""
    server = shop.as_server()
    await shop.session(name)
    await shop.bought("gems-500", customer=name, metadata={"note": f"words of {name}"})
    grant = {"customer": name, "asset": "gems", "amount": 5, "reason": f"reason of {name}"}
    assert (await server.post("/v1/grants", grant, key=new_id("key"))).status == 201
    await shop.quiet()


async def test_whoever_was_merged_into_somebody_is_erased_with_them(shop):
    """Through a chain: guest-one became guest-two, who became ada."""
    names = ("guest-one", "guest-two", "ada")
    for name in names:
        await lived(shop, name)
    ids = {name: id_of(shop, name) for name in names}
    await was_merged(shop, "guest-one", "guest-two")
    await was_merged(shop, "guest-two", "ada")
    words = [word for name in names for word in (f"words of {name}", f"reason of {name}", f'"{name}"', "one player")]
    for word in (*words, *(f"customer:{name}" for name in names)):
        assert found_in_tables(shop, word), f"{word} was never there"

    done = await erase(shop, "ada", forfeit=True)
    assert (done.status, done.json["id"]) == (200, ids["ada"])
    await shop.quiet()

    for word in (*words, *names[:2], *(f"customer:{name}" for name in names)):
        assert found_in_tables(shop, word) == [], word
    assert {row["state"] for row in shop.query("SELECT state FROM erasures")} == {"done"}
    assert {row["customer_id"] for row in shop.query("SELECT customer_id FROM erasures")} == set(ids.values())
    assert (await shop.audit()).violations == ()
    for name in names:
        assert (await erase(shop, name)).status == 404
        await shop.session(name)
        assert id_of(shop, name) not in ids.values()


async def test_the_name_of_one_who_was_merged_erases_nobody(shop):
    for name in ("guest", "ada"):
        await shop.session(name)
    guest = id_of(shop, "guest")
    await was_merged(shop, "guest", "ada")
    for named in ("guest", guest):
        for more in ({}, {"dry_run": True}):
            refused = await erase(shop, named, **more)
            assert (refused.status, refused.json["code"]) == (409, "erasure_refused")
            (obstacle,) = refused.json["obstacles"]
            assert (obstacle["what"], obstacle["id"], obstacle["ends"]) == ("merge", id_of(shop, "ada"), False)
            assert "erase ada" in obstacle["how"]
    assert shop.query("SELECT 1 AS n FROM erasures") == []


async def test_nobody_who_was_erased_is_merged(shop):
    for name in ("guest", "ada", "bob"):
        await shop.session(name)
    guest = (await erase(shop, "guest")).json["id"]
    for source, target in ((guest, "ada"), ("guest", "ada"), ("ada", guest), ("ada", "guest")):
        assert (await merge(shop, source, target)).status == 404, (source, target)
    assert shop.query("SELECT 1 AS n FROM customers WHERE merged_into IS NOT NULL") == []


async def test_an_export_holds_what_stayed_with_who_they_were(shop):
    for name in ("guest-one", "guest-two", "ada"):
        await lived(shop, name)
    former = {id_of(shop, "guest-one"), id_of(shop, "guest-two")}
    await was_merged(shop, "guest-one", "guest-two")
    await was_merged(shop, "guest-two", "ada")
    await shop.until(lambda: len(shop.query("SELECT 1 AS n FROM receipts")) == 3)
    told = await exported(shop, "ada")
    assert (told["customer"], told["id"]) == ("ada", id_of(shop, "ada"))
    sections, by_name_of_old = told["sections"], (await exported(shop, "guest-one"))["sections"]
    for name in ("customers", "grants", "events", "receipts"):
        assert by_name_of_old[name] == sections[name], name
    assert {row["external_id"] for row in sections["customers"]} == {"ada", "guest-one", "guest-two"}
    assert former < {row["customer_id"] for row in sections["grants"]}
    assert {row["reason"] for row in sections["grants"]} == {
        f"reason of {n}" for n in ("ada", "guest-one", "guest-two")
    }
    assert former < {row["anchor"] for row in sections["events"]}
    assert len(sections["receipts"]) == 3


async def exported(shop: Shop, name: str) -> Any:
    answer = await shop.bearing(OPERATOR_KEY).get(f"/v1/customers/{name}/export")
    assert answer.status == 200, answer
    return answer.json


async def test_an_erasure_and_a_merge_at_once_leave_nobody_half_erased(shop):
    for number in range(6):
        source, target = f"guest-{number}", f"player-{number}"
        for name in (source, target):
            await shop.session(name)
        erased, merged, other = await asyncio.gather(
            erase(shop, target), merge(shop, source, target), erase(shop, source)
        )
        assert {erased.status, other.status} <= {200, 404, 409}, (erased, other)
        assert merged.status in (200, 404, 503), merged
    await shop.quiet()
    half = (
        "SELECT a.id FROM customers a JOIN customers b ON b.id = a.merged_into "
        "WHERE (a.erased_at IS NULL) <> (b.erased_at IS NULL)"
    )
    assert shop.query(half) == []
    assert {row["state"] for row in shop.query("SELECT state FROM erasures")} == {"done"}


async def test_what_plugins_keep_of_who_they_were_goes_too(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA)
    words = ("Guest from Graz", "Hi from a guest", "Ada from Linz", "Hi from Ada")
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        for name, called, message in (("guest", *words[:2]), ("ada", *words[2:])):
            await shop.session(name)
            await tip(shop, 500, by=shop.as_customer(name), name=called, message=message)
        await shop.quiet()
        await was_merged(shop, "guest", "ada")
        assert all(found_in_tables(shop, word) for word in words)
        assert (await erase(shop, "ada", end=True)).status == 200
        await shop.quiet()
        assert {word: places for word in words if (places := found_in_tables(shop, word))} == {}


async def test_what_they_were_judged_by_before_goes_too(data_folder, database_url):
    async with running_shop(data_folder, SCREENED, database=database_url) as shop:
        for name in ("guest", "ada"):
            await shop.session(name)
            await shop.bought("gems-500", customer=name)
        await shop.quiet()
        await was_merged(shop, "guest", "ada")
        assert (await erase(shop, "ada", forfeit=True)).status == 200
        await shop.quiet()
        read = shop.query("SELECT attributes, identity FROM fraud_decisions")
        assert {tuple(row.values()) for row in read} == {("{}", "{}")}
        assert {row["state"] for row in shop.query("SELECT state FROM erasures")} == {"done"}
