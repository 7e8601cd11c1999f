"""The late step of an opening: draw, and give what fits, in the very commit that takes the container."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from storefront.core.accounts import issuance
from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import (
    Change,
    Deposit,
    Emit,
    GrantEntitlement,
    GrantItem,
    Insert,
    Key,
    LotTerms,
    Step,
)
from storefront.core.commit.projection import is_past
from storefront_microtransactions.containers import Container, Drop, Gave, GaveItem
from storefront_microtransactions.drawing import Drawn, Run, draw

TOLD = "microtransactions.opening"
ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class Opening:
    """All that opening one container needs, known before the commit; ``goods`` is SKU -> steps that give one unit."""

    id: str
    customer_id: str
    container: Container
    client_seed: str
    odds_version: str
    next_seed: bytes
    next_commitment: str
    entry_id: str
    assets: frozenset[str]
    goods: Mapping[str, tuple[Step, ...]]

    @property
    def seed_key(self) -> Key:
        return Key("microtransactions_seeds", (self.customer_id, self.container.sku), self.customer_id)


@dataclass(slots=True)
class Giving:
    """What an opening gives, being gathered: how many of each SKU, which steps, how much of each asset."""

    opening: Opening
    view: LateView
    items: Counter[str] = field(default_factory=Counter)
    credits: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)

    def add(self, drop: Drop) -> None:
        """Give a drop; what its owner can have no more of is withheld, and what stands ``instead`` of it is given."""
        is_short = False
        for name, quantity in drop.gives.items():
            if name in self.opening.assets:
                self.credits[name] += quantity
                continue
            fits = min(quantity, self._room(name))
            self.items[name] += fits
            if fits < quantity:
                self.withheld[name] += quantity - fits
                is_short = True
        if is_short:
            self.credits.update(drop.instead)

    def _room(self, sku: str) -> int:
        grant = self._grant(sku)
        if grant.at_most is None:
            return 1 << 53
        row = self.view.row(Key("items", (self.opening.customer_id, sku), self.opening.customer_id))
        is_gone = row is None or is_past(row, self.view.moment.now)
        owned = 0 if is_gone or row is None else int(row["quantity"])
        return max(0, grant.at_most - owned - self.items[sku])

    def _grant(self, sku: str) -> GrantItem:
        return next(step for step in self.opening.goods[sku] if isinstance(step, GrantItem))

    def steps(self) -> list[Step]:
        """Return the steps that give all of it."""
        steps: list[Step] = []
        customer_id, opening_id = self.opening.customer_id, self.opening.id
        for sku, quantity in self.items.items():
            if quantity:
                grants = [step for step in self.opening.goods[sku] if isinstance(step, GrantEntitlement)]
                steps += [msgspec.structs.replace(self._grant(sku), quantity=quantity), *grants]
        for asset, amount in self.credits.items():
            terms = LotTerms(source="reward", payment=opening_id)
            steps.append(Deposit(ENTRY, customer_id, asset, amount, issuance(asset), terms))
        return steps

    def told(self) -> Gave:
        given = {sku: quantity for sku, quantity in self.items.items() if quantity}
        items = {}
        for sku, quantity in given.items():
            terms = self._grant(sku).terms
            items[sku] = GaveItem(quantity, terms.span, terms.rights, terms.is_unique)
        rights = {
            step.key: step.value
            for sku in given
            for step in self.opening.goods[sku]
            if isinstance(step, GrantEntitlement)
        }
        return Gave(items, dict(self.credits), rights, dict(self.withheld))


def open_container(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: draw by the seed that was committed to, give, write the opening, and commit to the next seed."""
    opening: Opening = facts["opening"]
    secret = view.row(opening.seed_key)
    assert secret is not None, "a seed is made before the first opening, and kept"
    container = opening.container
    run = Run(secret["run_key"], secret["run_times"])
    seed = bytes.fromhex(secret["seed"])
    drawn, after = draw(seed, opening.client_seed, secret["number"], container.table, run)
    giving = Giving(opening, view)
    for drop in [*container.guaranteed, *(container.drops[one.drop] for one in drawn)]:
        giving.add(drop)
    row = _row(view, opening, secret, drawn, giving.told())
    view.tell(TOLD, row)
    expect = {"number": secret["number"], "commitment": secret["commitment"]}
    following = {
        "number": secret["number"] + 1,
        "seed": opening.next_seed.hex(),
        "commitment": opening.next_commitment,
        "run_key": after.key,
        "run_times": after.times,
        "made_at": view.moment.now,
    }
    payload = {
        "id": opening.id,
        "customer_id": opening.customer_id,
        "sku": container.sku,
        "number": secret["number"],
        "items": dict(giving.items),
        "credits": dict(giving.credits),
    }
    return [
        *giving.steps(),
        Insert("microtransactions_openings", (opening.id,), opening.customer_id, row),
        Change(*opening.seed_key[:2], opening.customer_id, expect, following),
        Emit(opening.customer_id, "container.opened", opening.id, payload),
    ]


def _row(
    view: LateView, opening: Opening, secret: Mapping[str, Any], drawn: Sequence[Drawn], gave: Gave
) -> dict[str, Any]:
    return {
        "id": opening.id,
        "customer_id": opening.customer_id,
        "sku": opening.container.sku,
        "number": secret["number"],
        "seed": secret["seed"],
        "commitment": secret["commitment"],
        "client_seed": opening.client_seed,
        "odds_version": opening.odds_version,
        "run_key": secret["run_key"],
        "run_times": secret["run_times"],
        "drawn": msgspec.json.encode([[one.drop, one.left_out] for one in drawn]).decode(),
        "gave": msgspec.json.encode(gave).decode(),
        "entry_id": opening.entry_id if gave.credits else None,
        "next_commitment": opening.next_commitment,
        "opened_at": view.moment.now,
    }
