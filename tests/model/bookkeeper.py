"""The model: the same shop in plain dicts, written down again from the specification.

It knows nothing of the engine. ``answer`` does one thing after another, all or nothing, and says what a caller
must see.
"""

import copy
from dataclasses import replace
from functools import singledispatchmethod

from .holdings import Holdings
from .operations import (
    CATALOG,
    COINS,
    GEMS,
    GOAL_GEMS,
    PROMO_GEMS,
    PROMO_LIMIT,
    TALLY_GOAL,
    TALLY_LIMIT,
    Asked,
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
from .records import (
    CLEARING,
    CREATOR,
    REVENUE,
    TAX,
    Bought,
    Expected,
    Moved,
    Purchase,
    exchange,
    issuance,
    sink,
    unapplied_id,
    wallet_id,
)
from .wallets import Frozen, Hold, Lot, No


class Bookkeeper(Holdings):
    """Does to the shop's holdings what is asked."""

    def answer(self, asked: Asked) -> Expected:
        """Do what is asked, or leave no trace."""
        if isinstance(asked.operation, Convert) and _got(asked.operation) == 0:
            return Expected("conversion_too_small")  # said while deciding; keys are looked up in the commit
        key = None if asked.key is None else (asked.caller, asked.key)
        if key is not None and key in self.keys:
            return Expected(is_replay=True) if self.keys[key] == asked.body else Expected("idempotency_key_reused")
        before = copy.deepcopy(self.__dict__)
        try:
            self._do(asked.operation)
        except No as no:
            self.__dict__.update(before)
            is_kept = isinstance(asked.operation, Buy) and asked.operation.notes
            if is_kept:
                self._count(f"attempts:{asked.operation.customer}", 1)
            return Expected(no.code, no.facts, is_kept)
        if key is not None:
            self.keys[key] = asked.body
        return Expected()

    @singledispatchmethod
    def _do(self, operation: Operation) -> None:
        raise TypeError(f"nothing is known of {operation}")

    @_do.register
    def _(self, operation: Credit) -> None:
        cost = None if operation.unit_cost is None else operation.unit_cost * operation.amount
        lot = Lot(
            source="granted" if operation.payment is None else "purchased",
            payment=operation.payment,
            cost=cost,
            priority=operation.priority,
            expires_at=operation.expires_at,
            amount=operation.amount,
        )
        self._credit(operation.customer, operation.asset, lot, issuance(operation.asset))

    @_do.register
    def _(self, operation: Buy) -> None:
        customer, sku, quantity = operation.customer, operation.sku, operation.quantity
        offer = CATALOG[sku]
        total = offer.price * quantity
        draws = self._spend(customer, offer.asset, total, sink(offer.asset))
        owned = self.items.get((customer, sku), 0)
        if offer.most_owned is not None and owned + quantity > offer.most_owned:
            raise No("already_owned")
        self.items[customer, sku] = owned + quantity
        if offer.per_customer is not None:
            self._count(f"limit:{sku}:{customer}:lifetime:0", quantity, offer.per_customer)
        if offer.for_all is not None:
            self._count(f"limit:{sku}:*:lifetime:0", quantity, offer.for_all)
        purchase = Purchase(customer, sku, offer.asset, total, quantity, operation.entry, draws)
        self.purchases[operation.purchase] = purchase

    @_do.register
    def _(self, operation: Consume) -> None:
        self._take(operation.customer, operation.sku, operation.quantity)

    @_do.register
    def _(self, operation: Refund) -> None:
        self._claim(f"refund:{operation.purchase}:{operation.number}")
        purchase = self.purchases[operation.purchase]
        if operation.amount > purchase.total - purchase.given_back:
            raise No("reversal_too_large", left=purchase.total - purchase.given_back)
        if operation.amount:
            wallet = self.wallet(purchase.customer, purchase.asset)
            wallet.restore(purchase.draws, skip=purchase.given_back, amount=operation.amount)
            self._move(sink(purchase.asset), wallet_id(purchase.customer, purchase.asset), operation.amount)
            self._lapse_if_lapsed(purchase.customer, purchase.asset, [number for number, _ in purchase.draws])
        if operation.quantity:
            self._take(purchase.customer, purchase.sku, operation.quantity)
        purchase.refunds += 1
        purchase.given_back += operation.amount
        purchase.taken_back += operation.quantity

    @_do.register
    def _(self, operation: Pack) -> None:
        self._move(CLEARING, REVENUE, operation.cents)
        payment = f"pay_{operation.entry}"
        lot = Lot(source="purchased", payment=payment, cost=operation.cents, amount=operation.gems)
        number = self._credit(operation.customer, GEMS, lot, issuance(GEMS))
        if number is not None:
            swallowed = operation.gems - lot.amount
            pack = Bought(operation.customer, number, lot.amount, operation.cents, swallowed)
            self.packs[operation.entry] = pack

    @_do.register
    def _(self, operation: ChargeBack) -> None:
        self._claim(f"chargeback:{operation.pack}:{operation.number}")
        pack = self.packs[operation.pack]
        if pack.taken + operation.gems > pack.gems:
            raise No("reversal_too_large", left=pack.gems - pack.taken)
        self._once_over_is_free(pack.customer, GEMS, lambda: self._take_from_lot(pack, operation.gems))
        if operation.number == 1:
            self._move(REVENUE, CLEARING, pack.cents)
        pack.taken += operation.gems
        pack.charge_backs += 1

    @_do.register
    def _(self, operation: Dispute) -> None:
        pack = self.packs[operation.pack]
        wallet = self.wallet(pack.customer, GEMS)
        if wallet.let_go_of_what_is_over(self.now):
            self._lapse(pack.customer, GEMS)
        potions = self.items.get((pack.customer, "potion"), 0) - self.frozen_potions(pack.customer)
        place = (self.now, operation.freeze)
        frozen = Frozen(pack.customer, operation.pack, pack.lot, operation.gems, operation.potions, place)
        frozen.potions = min(operation.potions, potions)
        wallet.freeze(frozen, self.now)
        self.freezes[operation.freeze] = frozen

    @_do.register
    def _(self, operation: Win) -> None:
        self._claim(f"freeze:{operation.freeze}")
        frozen = self.freezes[operation.freeze]
        self.wallet(frozen.customer, GEMS).thaw(frozen)
        frozen.state = "released"
        self._lapse(frozen.customer, GEMS)

    @_do.register
    def _(self, operation: Lose) -> None:
        self._claim(f"freeze:{operation.freeze}")
        frozen = self.freezes[operation.freeze]
        customer, pack = frozen.customer, self.packs[frozen.pack]
        self.wallet(customer, GEMS).thaw(frozen)
        frozen.state = "taken"
        taken = min(frozen.amount, pack.gems - pack.taken)
        if taken:
            self.wallet(customer, GEMS).draw([(frozen.lot, taken)])
            self._move(wallet_id(customer, GEMS), issuance(GEMS), taken)
        pack.taken += taken
        if frozen.potions:
            self.items[customer, "potion"] -= frozen.potions
        self._lapse(customer, GEMS)
        self.wallet(customer, GEMS).lose(frozen)
        self._owe(customer, GEMS, frozen.demanded + pack.swallowed - taken, operation)

    @_do.register
    def _(self, operation: Place) -> None:
        wallet = self.wallet(operation.customer, operation.asset)
        hold = Hold(operation.amount, operation.expires_at, [])

        def pin() -> None:
            self._refuse_while_owing(operation.customer, operation.asset)
            hold.pins = wallet.choose(operation.amount, self.now)

        self._once_over_is_free(operation.customer, operation.asset, pin)
        wallet.pin(hold)
        wallet.holds[operation.hold] = hold
        self.holds[operation.hold] = (operation.customer, operation.asset)

    @_do.register
    def _(self, operation: Capture) -> None:
        wallet, hold = self._open_hold(operation)
        amount = hold.amount if operation.amount is None else operation.amount
        if amount > hold.amount:
            raise No("hold_too_small", held=hold.amount, required=amount)
        wallet.let_go(hold, "captured", first_of(hold.pins, amount))
        hold.captured = amount
        account = wallet_id(operation.customer, operation.asset)
        self._move(account, sink(operation.asset), amount)
        self._lapse(operation.customer, operation.asset)

    @_do.register
    def _(self, operation: Release) -> None:
        wallet, hold = self._open_hold(operation)
        wallet.let_go(hold, "released")
        self._lapse(operation.customer, operation.asset)

    @_do.register
    def _(self, operation: Lapse) -> None:
        self.wallet(operation.customer, operation.asset).let_go_of_what_is_over(self.now)
        self._lapse(operation.customer, operation.asset)

    @_do.register
    def _(self, operation: Move) -> None:
        own = unapplied_id(operation.customer)
        source, to = (CLEARING, own) if operation.is_in else (own, REVENUE)
        self._move(source, to, operation.amount)
        self.moved[operation.entry] = Moved(operation.customer, operation.amount, operation.is_in)

    @_do.register
    def _(self, operation: Reverse) -> None:
        original = self.moved[operation.original]
        self._claim(f"reversal:{operation.original}")
        if original.is_reversal:
            raise No("reversal_of_reversal")
        own = unapplied_id(operation.customer)
        source, to = (own, CLEARING) if original.is_in else (REVENUE, own)
        self._move(source, to, original.amount)
        self.moved[operation.entry] = replace(original, is_reversal=True)

    @_do.register
    def _(self, operation: Redeem) -> None:
        lot = Lot(source="gift", priority=1, amount=PROMO_GEMS)
        self._credit(operation.customer, GEMS, lot, issuance(GEMS))
        self._count("promo:SPRING", 1, PROMO_LIMIT)
        self._count(f"promo:SPRING:{operation.customer}", 1, 2)

    @_do.register
    def _(self, operation: Tally) -> None:
        before = self.counters.get("tally", 0)
        by = operation.by
        if before + by > TALLY_LIMIT:
            if operation.otherwise == "refuse":
                raise No("limit_reached", limit=TALLY_LIMIT, used=before)
            by = TALLY_LIMIT - before if operation.otherwise == "clip" else 0
        self._count("tally", by)
        if before < TALLY_GOAL <= before + by:
            lot = Lot(source="gift", priority=1, amount=GOAL_GEMS)
            self._credit(operation.customer, GEMS, lot, issuance(GEMS))

    @_do.register
    def _(self, operation: Convert) -> None:
        asset, to_asset = operation.asset, COINS if operation.asset == GEMS else GEMS
        self._spend(operation.customer, asset, operation.amount, exchange(asset))
        payment = f"conversion {self.lots_made}"
        lot = Lot(source="converted", payment=payment, expires_at=operation.expires_at, amount=_got(operation))
        self._credit(operation.customer, to_asset, lot, exchange(to_asset))

    @_do.register
    def _(self, operation: Split) -> None:
        weight = operation.platform + operation.creator + operation.tax
        creator = operation.amount * operation.creator // weight
        tax = operation.amount * operation.tax // weight
        for account, share in ((REVENUE, operation.amount - creator - tax), (CREATOR, creator), (TAX, tax)):
            if share:
                self._move(CLEARING, account, share)


def _got(operation: Convert) -> int:
    """Return what comes of a conversion; the remainder of the division stays with the platform."""
    return operation.amount * operation.numerator // operation.denominator


def first_of(pins: list[tuple[int, int]], amount: int) -> list[tuple[int, int]]:
    """Return the first of the pins that make up ``amount``."""
    taken = []
    for number, pinned in pins:
        part = min(pinned, amount)
        if part:
            taken.append((number, part))
            amount -= part
    return taken
