"""From a wish (small numbers that hypothesis draws and shrinks) to an operation on what is there now."""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from .bookkeeper import Bookkeeper
from .operations import (
    COINS,
    GEMS,
    Buy,
    Capture,
    ChargeBack,
    Consume,
    Convert,
    Credit,
    Dispute,
    Lapse,
    Lose,
    Move,
    Operation,
    Pack,
    Place,
    Redeem,
    Refund,
    Release,
    Reverse,
    Split,
    Tally,
    Win,
)

CUSTOMERS = ("cus_ada", "cus_bob")
STEP_MS = 1_000
Wish = tuple[str, Mapping[str, Any]]

customers = st.sampled_from(CUSTOMERS)
assets = st.sampled_from([GEMS, COINS])
amounts = st.integers(1, 40)
numbers = st.integers(0, 6)
skus = st.sampled_from(["potion", "potion", "sword", "hat"])
soon = st.integers(1, 6)
lifetimes = st.one_of(st.none(), st.integers(0, 6))

WISHES: dict[str, st.SearchStrategy[Mapping[str, Any]]] = {
    "credit": st.fixed_dictionaries(
        {
            "customer": customers,
            "asset": st.sampled_from([GEMS, GEMS, COINS]),
            "amount": amounts,
            "payment": st.sampled_from([None, None, "pay_1", "pay_2"]),
            "unit_cost": st.integers(1, 3),
            "priority": st.sampled_from([100, 100, 1, 200]),
            "lifetime": lifetimes,
        }
    ),
    "buy": st.fixed_dictionaries(
        {"customer": customers, "sku": skus, "quantity": st.integers(1, 3), "notes": st.booleans()}
    ),
    "consume": st.fixed_dictionaries({"customer": customers, "sku": skus, "quantity": st.integers(1, 3)}),
    "refund": st.fixed_dictionaries(
        {"number": numbers, "amount": st.integers(0, 25), "quantity": st.integers(0, 3), "is_whole": st.booleans()}
    ),
    "pack": st.fixed_dictionaries({"customer": customers, "gems": amounts, "cents": st.integers(1, 500)}),
    "charge_back": st.fixed_dictionaries({"number": numbers, "gems": amounts}),
    "dispute": st.fixed_dictionaries({"number": numbers, "gems": amounts, "potions": st.integers(0, 3)}),
    "win": st.fixed_dictionaries({"number": numbers}),
    "lose": st.fixed_dictionaries(
        {"number": numbers, "repay_percent": st.sampled_from([100, 100, 50, 1, 33]), "blocks": st.booleans()}
    ),
    "place": st.fixed_dictionaries({"customer": customers, "asset": assets, "amount": amounts, "lifetime": soon}),
    "capture": st.fixed_dictionaries(
        {
            "number": numbers,
            "amount": st.one_of(st.none(), amounts),
            "over": st.one_of(st.none(), st.integers(1, 10)),
            "is_open": st.sampled_from([True, True, False]),
            "by": st.booleans(),
        }
    ),
    "release": st.fixed_dictionaries({"number": numbers}),
    "lapse": st.fixed_dictionaries({"customer": customers, "asset": assets}),
    "move": st.fixed_dictionaries({"customer": customers, "amount": amounts, "is_in": st.booleans()}),
    "reverse": st.fixed_dictionaries({"number": numbers}),
    "redeem": st.fixed_dictionaries({"customer": customers}),
    "tally": st.fixed_dictionaries(
        {"customer": customers, "by": st.integers(1, 4), "otherwise": st.sampled_from(["refuse", "skip", "clip"])}
    ),
    "convert": st.fixed_dictionaries(
        {
            "customer": customers,
            "asset": assets,
            "amount": amounts,
            "numerator": st.integers(1, 10),
            "denominator": st.integers(1, 10),
            "lifetime": lifetimes,
        }
    ),
    "split": st.fixed_dictionaries(
        {
            "amount": st.integers(1, 1000),
            "platform": st.integers(0, 9),
            "creator": st.integers(0, 9),
            "tax": st.integers(1, 9),
        }
    ),
}
wishes = st.one_of(*(st.tuples(st.just(name), wanted) for name, wanted in WISHES.items()))


class Deciding:
    """Turns wishes into operations by what is known; ids are counted, so that a failure reads well."""

    def __init__(self, known: Bookkeeper) -> None:
        self._known = known
        self._made = 0

    def decide(self, wish: Wish) -> Operation | None:
        """Return the operation, or None if there is nothing yet that it could be about."""
        name, wanted = wish
        decide: Callable[..., Operation | None] = getattr(self, f"_{name}")
        return decide(**wanted)

    def _id(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}_{self._made}"

    def _until(self, lifetime: int | None) -> int | None:
        return None if lifetime is None else self._known.now + lifetime * STEP_MS

    def _credit(self, *, payment: str | None, unit_cost: int, lifetime: int | None, **terms: Any) -> Operation:
        cost = None if payment is None else unit_cost
        return Credit(**terms, payment=payment, unit_cost=cost, expires_at=self._until(lifetime))

    def _buy(self, customer: str, sku: str, quantity: int, notes: bool) -> Operation:
        return Buy(self._id("pur"), self._id("ent"), customer, sku, quantity, notes)

    def _consume(self, customer: str, sku: str, quantity: int) -> Operation:
        return Consume(self._id("con"), customer, sku, quantity)

    def _refund(self, number: int, amount: int, quantity: int, is_whole: bool) -> Operation | None:
        found = _pick(self._known.purchases, number)
        if found is None:
            return None
        purchase = self._known.purchases[found]
        quantity = min(quantity, purchase.quantity - purchase.taken_back)
        if is_whole:
            amount, quantity = purchase.total - purchase.given_back, purchase.quantity - purchase.taken_back
        if amount == quantity == 0:
            return None
        return Refund(self._id("rev"), found, purchase.refunds + 1, amount, quantity)

    def _pack(self, customer: str, gems: int, cents: int) -> Operation:
        return Pack(self._id("ent"), customer, gems, cents)

    def _charge_back(self, number: int, gems: int) -> Operation | None:
        found = _pick(self._known.packs, number)
        return None if found is None else ChargeBack(found, self._known.packs[found].charge_backs + 1, gems)

    def _dispute(self, number: int, gems: int, potions: int) -> Operation | None:
        found = _pick(self._known.packs, number)
        if found is None:
            return None
        return Dispute(self._id("dispute"), found, min(gems, self._known.packs[found].gems), potions)

    def _win(self, number: int) -> Operation | None:
        found = _pick(self._known.freezes, number)
        return None if found is None else Win(found)

    def _lose(self, number: int, repay_percent: int, blocks: bool) -> Operation | None:
        found = _pick(self._known.freezes, number)
        return None if found is None else Lose(self._id("ent"), found, repay_percent, blocks)

    def _place(self, customer: str, asset: str, amount: int, lifetime: int) -> Operation:
        return Place(self._id("hold"), customer, asset, amount, self._known.now + lifetime * STEP_MS)

    def _capture(
        self, *, number: int, amount: int | None, over: int | None, is_open: bool, by: bool
    ) -> Operation | None:
        """Capture a part, all, or ``over`` more than is held; mostly of a hold that is open, where this matters."""
        open_holds = {name: True for name in self._known.holds if self._known.is_open(name)}
        found = _pick(open_holds if is_open and open_holds else self._known.holds, number)
        if found is None:
            return None
        if over is not None:
            amount = self._known.holding(found).amount + over
        customer, asset = self._known.holds[found]
        if by and number == 6:  # somebody else's hold
            customer = next(other for other in CUSTOMERS if other != customer)
        return Capture(found, customer, asset, amount)

    def _release(self, number: int) -> Operation | None:
        found = _pick(self._known.holds, number)
        return None if found is None else Release(found, *self._known.holds[found])

    def _lapse(self, customer: str, asset: str) -> Operation:
        return Lapse(customer, asset)

    def _move(self, customer: str, amount: int, is_in: bool) -> Operation:
        return Move(self._id("ent"), customer, amount, is_in)

    def _reverse(self, number: int) -> Operation | None:
        found = _pick(self._known.moved, number)
        return None if found is None else Reverse(self._id("ent"), found, self._known.moved[found].customer)

    def _redeem(self, customer: str) -> Operation:
        return Redeem(customer)

    def _tally(self, customer: str, by: int, otherwise: str) -> Operation:
        return Tally(customer, by, otherwise)

    def _convert(self, *, lifetime: int | None, **terms: Any) -> Operation:
        return Convert(**terms, expires_at=self._until(lifetime))

    def _split(self, amount: int, platform: int, creator: int, tax: int) -> Operation:
        return Split(amount, platform, creator, tax)


def _pick(objects: Mapping[str, Any], number: int) -> str | None:
    """Choose one of what is there: the newest is 0, so that a shrunk example is about the last thing made."""
    names = list(objects)
    return names[-1 - number % len(names)] if names else None
