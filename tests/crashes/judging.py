"""The judge: at the end of a run the shop's and the emulator's books must say what the journal says."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import aiohttp

from .journal import Journal
from .load import CUSTOMERS, PAUSE_SECONDS, Intention, Load, outcome_of
from .processes import Reply, World

HANG_SECONDS = 60.0
REPEATED = 200
"""How many of the answered intentions are sent again, to compare the answers byte for byte."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the unknown intentions of a run turned out to be."""

    had_happened: int
    had_not: int

    def __str__(self) -> str:
        return f"left unknown until the end: {self.had_happened} had happened, {self.had_not} had not"


async def acknowledged_and_lost(world: World, load: Load) -> set[str]:
    """Return the ids of purchases that were acknowledged and are not in the books now."""
    acked = {one.answer.json["id"] for one in load.intentions if one.outcome == "acked" and _is_purchase(one)}
    return acked - {row[0] for row in await world.rows("SELECT id FROM purchases")}


async def judge(world: World, load: Load, journal: Journal, chance: random.Random) -> Verdict:
    """Resolve what is unknown, and compare; the run is void if nothing ever was unknown."""
    assert load.counts["unknown"] > 0, "void: no outcome was ever unknown, so this run shows nothing"
    _assert_journal_is_whole(load, journal)
    verdict = await _resolve(world, load)
    await _assert_same_answers(world, load, chance)
    charged = await _assert_same_money(world, load)
    await _assert_each_purchase_once(world, load)
    for number in range(CUSTOMERS):
        await _assert_arithmetic(world, load, f"ada-{number}", charged)
    return verdict


def _assert_journal_is_whole(load: Load, journal: Journal) -> None:
    """The journal's file, of another process, is the measure: it must know all that the clients know, and no more."""
    written = {line.key: line for line in journal.lines() if line.kind != "pay"}
    assert written.keys() == {one.key for one in load.intentions}
    for one in load.intentions:
        answer = b"" if one.answer is None else one.answer.body
        assert (written[one.key].what, written[one.key].answer) == (one.outcome, answer), one


async def _resolve(world: World, load: Load) -> Verdict:
    """Send again what was left open; what was said not to be written must not be in the books."""
    open_ones = [one for one in load.intentions if one.outcome in ("unknown", "unwritten")]
    stored = {row[0] for row in await world.rows("SELECT key FROM idempotency")}
    wrong = [one for one in open_ones if one.outcome == "unwritten" and one.key in stored]
    assert wrong == [], "these heard that nothing was written"
    unknown = [one.key in stored for one in open_ones if one.outcome == "unknown"]
    for one in open_ones:
        one.answer = await _answered(world, one)
        one.outcome = outcome_of(one.answer, was_unknown=True)
    return Verdict(sum(unknown), len(unknown) - sum(unknown))


async def _answered(world: World, wanted: Intention) -> Reply:
    """Send an intention until the shop answers it."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            try:
                reply = await wanted.send(world)
            except aiohttp.ClientError:
                continue
            if outcome_of(reply, was_unknown=True) != "unknown":
                return reply
            await asyncio.sleep(PAUSE_SECONDS)


async def _assert_same_answers(world: World, load: Load, chance: random.Random) -> None:
    """An answered key gets its first answer again, byte for byte."""
    acked = [one for one in load.intentions if one.outcome == "acked"]
    for one in chance.sample(acked, min(REPEATED, len(acked))):
        again = await _answered(world, one)
        assert one.answer is not None
        assert (again.status, again.body) == (one.answer.status, one.answer.body), one


async def _assert_same_money(world: World, load: Load) -> set[str]:
    """Return the purchases that the emulator charged, once each; ours are the same, whoever heard of it."""
    by_purchase = {
        one.answer.json["id"]: one
        for one in load.intentions
        if one.outcome == "acked" and one.kind.is_paid and one.answer
    }
    charges = Counter(charge["client_reference_id"] for charge in (await world.books())["charges"])
    assert set(charges.values()) <= {1}, "charged twice"
    said_paid = {purchase_id for purchase_id, one in by_purchase.items() if one.paid == "acked"}
    assert said_paid - charges.keys() == set(), "paid, acknowledged and lost"
    assert charges.keys() <= by_purchase.keys(), "charged for nothing that anybody wanted"
    for purchase_id in charges:
        await _complete(world, purchase_id)
    received = await world.rows("SELECT purchase_id, amount FROM payments WHERE state = 'received'")
    assert {row[0] for row in received} == charges.keys()
    return set(charges)


async def _complete(world: World, purchase_id: str) -> None:
    """Make sure that a paid purchase completes: ask as its buyer would."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            reply = await world.post(f"/v1/purchases/{purchase_id}/finalize")
            if reply.status == 200 and reply.json["status"] == "completed":
                return
            await asyncio.sleep(PAUSE_SECONDS)


async def _assert_each_purchase_once(world: World, load: Load) -> None:
    acked = [one.answer.json["id"] for one in load.intentions if one.outcome == "acked" and _is_purchase(one)]
    stored = {row[0] for row in await world.rows("SELECT id FROM purchases")}
    # In a long run the time of some is over before they are asked for again: they were refused, and have ended.
    ended = "SELECT id FROM purchases WHERE status = 'expired' AND reason = 'not_opened_in_time'"
    late = {row[0] for row in await world.rows(ended)}
    refused = [one for one in load.intentions if one.outcome == "refused" and one.answer is not None]
    assert len(late) == sum(one.answer.json["code"] == "checkout_too_late" for one in refused if one.answer)
    assert len(acked) == len(set(acked)), "two intentions have one purchase"
    assert stored - late == set(acked)


async def _assert_arithmetic(world: World, load: Load, customer: str, charged: set[str]) -> None:
    """A customer has what the acked intentions give and take, to the gem."""
    expected: Counter[str] = Counter()
    for one in load.intentions:
        if one.customer == customer and one.outcome == "acked" and _has_effect(one, charged):
            expected.update(one.kind.effect)
    state: Any = await world.get(f"/v1/customers/{customer}")
    charms = sum(item["quantity"] for item in state["items"] if item["sku"] == "charm")
    wallet = state["wallets"].get("gems", {"balance": 0})
    assert (wallet["balance"], charms) == (expected["gems"], expected["charm"]), customer


def _has_effect(one: Intention, charged: set[str]) -> bool:
    assert one.answer is not None, "it was answered"
    return not one.kind.is_paid or one.answer.json["id"] in charged


def _is_purchase(one: Intention) -> bool:
    return one.kind.request("")[0] == "/v1/purchases"
