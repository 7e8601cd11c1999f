"""Whatever becomes of their webhooks, the life stories of payments end as they do without any.

Each run draws anew: orders, copies (one to three), what is missing, and what arrives long after. Every event of every
story is missing at least once, and every story is told backwards too. ``STOREFRONT_SEQUENCES`` plays more than 300,
those told backwards included; ``STOREFRONT_SEED`` repeats a run.
"""

import os
import random
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from storefront.core.reconciling import reconcile
from storefront.testing import Shop, running_shop
from tests.gateways.strict_requests import strict_shop
from tests.stories.end_states import State, end_states, facts_of
from tests.stories.lives import Life, Story
from tests.stories.plots import SHOP, STORIES
from tests.stories.telling import live, seed

HALVES = {"first": STORIES[::2], "second": STORIES[1::2]}
MOST_IN_A_SHOP = 170
TIMES_BACKWARDS = 2


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sequence to be told."""

    story: Story
    missing: frozenset[str] = frozenset()
    is_backwards: bool = False


@pytest.mark.parametrize("half", HALVES)
async def test_any_webhooks_or_none_end_in_the_same_state(
    half: str, tmp_path: Path, migrated_file: Path, request: pytest.FixtureRequest
) -> None:
    chosen, sequences = seed(), int(os.environ.get("STOREFRONT_SEQUENCES", "300"))
    print(f"seed {chosen}")
    chance = random.Random(f"{chosen} {half}")
    async with _shop(tmp_path / "silent", migrated_file) as shop:
        silent = [Life(shop, story, _name(story, "silent"), chance, is_told=False) for story in HALVES[half]]
        await live(shop, silent)
        expected = await end_states(shop, silent)
    for life in silent:
        _check_facts(life.story, expected[life.customer])
    expected = {life.story.name: expected[life.customer] for life in silent}
    wanted = [one for life in silent for one in [Drawn(life.story, is_backwards=True)] * TIMES_BACKWARDS]
    wanted += _draw(silent, sequences // len(HALVES) - len(wanted), chance)
    posted = 0
    for number in range(0, len(wanted), MOST_IN_A_SHOP):
        async with _shop(tmp_path / f"told {number}", migrated_file) as shop:
            posted += await _told(shop, wanted[number : number + MOST_IN_A_SHOP], chance, expected)
    played = (
        f"stories, {half} half: seed {chosen}, {len(wanted)} sequences of {len(silent)} stories, {posted} webhooks; "
        f"each of {sum(len(life.names) for life in silent)} events was missing at least once"
    )
    request.node.user_properties.append(("played", played))


async def test_no_story_asks_stripe_what_it_would_refuse(
    tmp_path: Path, migrated_file: Path, request: pytest.FixtureRequest
) -> None:
    async with _shop(tmp_path, migrated_file) as shop, strict_shop(shop) as strict:
        lives = [Life(shop, story, _name(story, "strict"), random.Random(1)) for story in STORIES]
        await live(shop, lives)
        ends = await end_states(shop, lives)
        for life in lives:
            _check_facts(life.story, ends[life.customer])
        found = await reconcile(shop.parts.services, "sandbox")
        assert (found.differences, found.explained_percent) == ([], 100.0)
    request.node.user_properties.append(
        ("played", f"strict: {sum(strict.seen.values())} requests of {len(lives)} stories, none refused")
    )
    assert {sent.split("/")[2] for sent in strict.seen} >= {
        "balance", "balance_transactions", "checkout", "customers", "events", "payment_intents", "refunds"
    }  # fmt: skip


async def _told(shop: Shop, wanted: Sequence[Drawn], chance: random.Random, expected: dict[str, State]) -> int:
    """Let lives be told of by chance and compare each one's end; return how many webhooks were posted."""
    lives = [
        Life(
            shop,
            one.story,
            _name(one.story, str(number)),
            random.Random(chance.random()),
            one.missing,
            is_backwards=one.is_backwards,
        )
        for number, one in enumerate(wanted)
    ]
    posted = await live(shop, lives)
    ends = await end_states(shop, lives)
    for life in lives:
        assert ends[life.customer] == expected[life.story.name], f"{life.customer}, missing {sorted(life.missing)}"
    found = await reconcile(shop.parts.services, "sandbox")
    assert (found.differences, found.explained_percent) == ([], 100.0)
    payments = (await shop.sandbox.books())["payments"]
    assert max(payment["times_charged"] for payment in payments) == 1, "somebody was charged twice"
    return posted


def _draw(silent: Sequence[Life], count: int, chance: random.Random) -> list[Drawn]:
    """Draw stories and what is missing in them: each event of each story once, then as chance will have it."""
    drawn = [Drawn(life.story, frozenset({name})) for life in silent for name in life.names]
    while len(drawn) < count:
        life = chance.choice(silent)
        drawn.append(Drawn(life.story, frozenset(name for name in life.names if chance.random() < 0.2)))
    chance.shuffle(drawn)
    return drawn


def _name(story: Story, which: str) -> str:
    return f"life-{which}-{re.sub('[^a-z0-9]+', '-', story.name.lower())}"


def _check_facts(story: Story, end: State) -> None:
    found = facts_of(end)
    assert found == {**found, **story.ends}, story.name
    assert found["debt"] == story.ends.get("debt", 0), story.name
    assert found["entitlements"] == story.ends.get("entitlements", []), story.name


@asynccontextmanager
async def _shop(folder: Path, migrated_file: Path) -> AsyncIterator[Shop]:
    """Run a shop in a folder of its own; its books are audited when the block ends."""
    (folder / "data").mkdir(parents=True, mode=0o700)
    shutil.copy(migrated_file, folder / "data" / "storefront.sqlite")
    async with running_shop(folder, SHOP) as shop:
        await shop.sandbox.pay_out_by_itself(is_on=False)
        yield shop
