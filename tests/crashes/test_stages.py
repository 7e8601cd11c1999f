"""SIGKILL at each stage of a gateway purchase: after the restart it completes once, and its key gets its answer.

Five customers stand at five stages when everything dies. Stages are made by what the emulator is told to do,
and seen in the books from outside; the product knows nothing of these tests.
"""

import asyncio

import aiohttp
import pytest

from .processes import Reply, World

OPEN = "POST /v1/checkout/sessions"
LOOK_UP = "GET /v1/checkout/sessions/*"
UNANSWERED = ("intent-committed", "gateway-answering")
ANSWERED = ("checkout-open", "paid", "webhook-stored")
PURCHASE = """
    SELECT purchases.id, purchases.status, payments.gateway_ref FROM purchases
    JOIN customers ON customers.id = purchases.customer_id JOIN payments ON purchase_id = purchases.id
    WHERE external_id = ?
"""


@pytest.mark.parametrize("dies", ["the server", "both"])
async def test_purchases_killed_at_each_stage_complete_once(standalone: World, audit, dies):
    world = standalone
    first = await _reach_answered_stages(world)
    asked = await _reach_unanswered_stages(world)
    ids = {name: world.query(PURCHASE, name)[0][0] for name in (*UNANSWERED, *ANSWERED)}

    await _kill(world, dies, asked)
    await world.start()

    await world.until(lambda: _status(world, "webhook-stored") == "completed")  # nobody had to ask
    retried = {name: await _buy(world, name) for name in ids}
    assert {name: reply.status for name, reply in retried.items()} == dict.fromkeys(ids, 202)
    assert {name: reply.json["id"] for name, reply in retried.items()} == ids
    assert {name: retried[name].body for name in ANSWERED} == {name: first[name].body for name in ANSWERED}
    assert all(retried[name].headers["Idempotent-Replayed"] == "true" for name in ids)

    await _pay_what_is_unpaid(world, retried, ids, emulator_died=dies == "both")
    await world.until(lambda: all(_status(world, name) == "completed" for name in ids))

    again = {name: (await _buy(world, name)).body for name in ids}
    assert again == {name: reply.body for name, reply in retried.items()}
    await _assert_each_was_charged_and_served_once(world, ids)
    await audit(world)


async def _reach_answered_stages(world: World) -> dict[str, Reply]:
    """Open three checkouts; pay two; let the webhooks of one be stored while the look-up hangs."""
    first = {name: await _buy(world, name) for name in ANSWERED}
    assert {reply.status for reply in first.values()} == {202}
    await world.control("misbehave", {"webhooks": {"mode": "hold"}})
    assert await world.pay(first["webhook-stored"].json) == 303
    await world.control("misbehave", {"fault": "delay", "on": LOOK_UP, "seconds": 60})
    sent = (await world.control("webhooks/release", {}))["sent"]
    assert {receipt["answer"] for receipt in sent} == {"200"}
    await world.until(lambda: world.query("SELECT 1 FROM jobs WHERE kind = 'inbox.process' AND lease_until > 0") != [])
    assert await world.pay(first["paid"].json) == 303
    assert [_status(world, name) for name in ANSWERED] == ["pending"] * 3
    return first


async def _reach_unanswered_stages(world: World) -> list[asyncio.Task[Reply]]:
    """Ask for two checkouts: one is open at the emulator and its reply held back, of the other it never heard."""
    await world.control("misbehave", {"fault": "delay", "on": OPEN, "seconds": 60, "after": True})
    answering = asyncio.create_task(_buy(world, "gateway-answering"))
    await world.until(lambda: _is_committed(world, "gateway-answering"))
    await world.until_sessions(4)
    assert world.emulator is not None
    world.emulator.freeze()
    committed = asyncio.create_task(_buy(world, "intent-committed"))
    await world.until(lambda: _is_committed(world, "intent-committed"))
    assert [world.query(PURCHASE, name)[0][2] for name in UNANSWERED] == [None, None]
    return [answering, committed]


async def _kill(world: World, dies: str, asked: list[asyncio.Task[Reply]]) -> None:
    assert world.emulator is not None
    world.server.kill()
    if dies == "both":
        world.emulator.kill()
    else:
        world.emulator.thaw()  # what it never heard reaches it now, from a server that is gone
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(outcome, aiohttp.ClientError) for outcome in outcomes), outcomes


async def _pay_what_is_unpaid(
    world: World, retried: dict[str, Reply], ids: dict[str, str], *, emulator_died: bool
) -> None:
    """Pay the three; for the one that is paid the held webhook comes, or, if it never does, its buyer returns."""
    if emulator_died:
        finalized = await world.post(f"/v1/purchases/{ids['paid']}/finalize")
        assert finalized.json["status"] == "completed"
    await world.control("webhooks/release", {})
    await world.control("misbehave", {"clear": True})
    for name in ("intent-committed", "gateway-answering", "checkout-open"):
        assert await world.pay(retried[name].json) == 303


async def _assert_each_was_charged_and_served_once(world: World, ids: dict[str, str]) -> None:
    books = await world.books()
    charged = [(charge["client_reference_id"], charge["amount"], charge["status"]) for charge in books["charges"]]
    assert sorted(charged) == sorted((purchase_id, 499, "succeeded") for purchase_id in ids.values())
    assert sorted(session["client_reference_id"] for session in books["sessions"]) == sorted(ids.values())
    wallets = {name: (await world.get(f"/v1/customers/{name}"))["wallets"]["gems"]["balance"] for name in ids}
    assert wallets == dict.fromkeys(ids, 500)
    assert world.query("SELECT count(*), sum(amount) FROM lots") == [(5, 2500)]


async def _buy(world: World, name: str) -> Reply:
    return await world.buy(name, "gems-500", key=f"key-of-{name}")


def _is_committed(world: World, name: str) -> bool:
    return _status(world, name) == "pending"


def _status(world: World, name: str) -> str | None:
    found = world.query(PURCHASE, name)
    return found[0][1] if found else None
