"""What one shop has in the model, and the few ways in which that changes; each refuses what may not be."""

from collections.abc import Callable

from .operations import GEMS, Capture, Lose, Release
from .records import Bought, Debt, Moved, Purchase, debt_id, issuance, receivable, wallet_id
from .wallets import Frozen, Hold, Lot, No, Wallet


class Holdings:
    """Balances, lots, holds, goods, counters and keys of one shop. ``lot_ids`` maps our numbers to the books' ids."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.lot_ids: dict[int, str] = {}
        self.balances: dict[str, int] = {}
        self.wallets: dict[tuple[str, str], Wallet] = {}
        self.items: dict[tuple[str, str], int] = {}
        self.counters: dict[str, int] = {}
        self.claims: set[str] = set()
        self.purchases: dict[str, Purchase] = {}
        self.packs: dict[str, Bought] = {}
        self.moved: dict[str, Moved] = {}
        self.holds: dict[str, tuple[str, str]] = {}
        self.freezes: dict[str, Frozen] = {}
        self.debts: dict[tuple[str, str], Debt] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self.lots_made = 0

    def wallet(self, customer: str, asset: str) -> Wallet:
        return self.wallets.setdefault((customer, asset), Wallet())

    def holding(self, hold: str) -> Hold:
        return self.wallets[self.holds[hold]].holds[hold]

    def is_open(self, hold: str) -> bool:
        return self.holding(hold).is_open(self.now)

    def _credit(self, customer: str, asset: str, lot: Lot, source: str) -> int | None:
        """Put a lot into a wallet, or join an equal one; return its number, None if a debt swallowed it all."""
        self._repay(customer, asset, lot, source)
        if lot.amount == 0:
            return None
        self._move(source, wallet_id(customer, asset), lot.amount)
        wallet = self.wallet(customer, asset)
        joined = wallet.equal_to(lot)
        if joined is None:
            lot.number, lot.opened_at, lot.remaining = self.lots_made, self.now, lot.amount
            self.lots_made += 1
            wallet.lots[lot.number] = lot
            joined = lot
        else:
            joined.grow(lot.amount, lot.cost)
        self._lapse_if_lapsed(customer, asset, [joined.number])
        return joined.number

    def _owe(self, customer: str, asset: str, amount: int, terms: Lose) -> None:
        if amount == 0:
            return  # then nothing was missing, and so nothing waits
        self._move(receivable(asset), debt_id(customer, asset), amount)
        owed = self.debts.get((customer, asset))
        if owed is None or owed.amount == 0:
            self.debts[customer, asset] = Debt(amount, terms.repay_percent, terms.blocks)
        else:
            percent = max(owed.repay_percent, terms.repay_percent)
            self.debts[customer, asset] = Debt(owed.amount + amount, percent, owed.blocks or terms.blocks)
        self.wallet(customer, asset).debt = self.debts[customer, asset]

    def _repay(self, customer: str, asset: str, lot: Lot, source: str) -> None:
        """Let a debt have its share of a credit, and of what it cost; the lot gets the rest."""
        owed = self.debts.get((customer, asset))
        if owed is None or owed.amount == 0:
            return
        share = min(owed.amount, (lot.amount * owed.repay_percent + 99) // 100)
        self._move(source, receivable(asset), share)
        self._move(debt_id(customer, asset), issuance(asset), share)
        owed.amount -= share
        if owed.amount == 0:
            self.wallet(customer, asset).owe_nothing()
        if lot.cost is not None:
            lot.cost = lot.cost * (lot.amount - share) // lot.amount
        lot.amount -= share

    def _refuse_while_owing(self, customer: str, asset: str) -> None:
        owed = self.debts.get((customer, asset))
        if owed is not None and owed.amount and owed.blocks:
            raise No("debt_open", owed=owed.amount)

    def frozen_potions(self, customer: str) -> int:
        return sum(one.potions for one in self.freezes.values() if (one.customer, one.state) == (customer, "open"))

    def _spend(self, customer: str, asset: str, amount: int, to: str) -> list[tuple[int, int]]:
        wallet = self.wallet(customer, asset)
        draws: list[tuple[int, int]] = []

        def choose() -> None:
            self._refuse_while_owing(customer, asset)
            draws.extend(wallet.choose(amount, self.now))

        self._once_over_is_free(customer, asset, choose)
        wallet.draw(draws)
        self._move(wallet_id(customer, asset), to, amount)
        return draws

    def _take_from_lot(self, pack: Bought, gems: int) -> None:
        wallet = self.wallet(pack.customer, GEMS)
        lot = wallet.lots[pack.lot]
        free = 0 if lot.is_lapsed(self.now) else lot.remaining - lot.held - lot.frozen
        if free < gems:
            raise No("insufficient_funds", available=free)
        wallet.draw([(pack.lot, gems)])
        self._move(wallet_id(pack.customer, GEMS), issuance(GEMS), gems)

    def _once_over_is_free(self, customer: str, asset: str, need: Callable[[], None]) -> None:
        """Do what needs funds; if they are short, holds whose time is over let go first."""
        try:
            need()
        except No:
            if not self.wallet(customer, asset).let_go_of_what_is_over(self.now):
                raise
            self._lapse(customer, asset)
            need()

    def _open_hold(self, operation: Capture | Release) -> tuple[Wallet, Hold]:
        if self.holds.get(operation.hold) != (operation.customer, operation.asset):
            raise No("not_found")
        wallet = self.wallet(operation.customer, operation.asset)
        hold = wallet.holds[operation.hold]
        if not hold.is_open(self.now):
            raise No("hold_not_open", captured=hold.captured)
        return wallet, hold

    def _lapse_if_lapsed(self, customer: str, asset: str, lots: list[int]) -> None:
        wallet = self.wallet(customer, asset)
        if any(wallet.lots[number].is_lapsed(self.now) for number in lots):
            self._lapse(customer, asset)

    def _lapse(self, customer: str, asset: str) -> None:
        wallet = self.wallet(customer, asset)
        if wallet.collected:  # by holds that were let go just now
            self._move(wallet_id(customer, asset), receivable(asset), wallet.collected)
            self._move(debt_id(customer, asset), issuance(asset), wallet.collected)
            wallet.collected = 0
        lapsed = wallet.lapse(self.now)
        if lapsed:
            self._move(wallet_id(customer, asset), f"platform:breakage:{asset}", lapsed)

    def _take(self, customer: str, sku: str, quantity: int) -> None:
        owned = self.items.get((customer, sku), 0)
        usable = owned - (self.frozen_potions(customer) if sku == "potion" else 0)
        if usable < quantity:
            raise No("not_enough_items", required=quantity, available=usable)
        self.items[customer, sku] = owned - quantity

    def _count(self, key: str, by: int, at_most: int | None = None) -> None:
        used = self.counters.get(key, 0)
        if at_most is not None and used + by > at_most:
            raise No("limit_reached", limit=at_most, used=used)
        if by:
            self.counters[key] = used + by

    def _claim(self, key: str) -> None:
        if key in self.claims:
            raise No("already_claimed")
        self.claims.add(key)

    def _move(self, source: str, to: str, amount: int) -> None:
        balance = self.balances.get(source, 0)
        if ":unapplied:" in source and balance < amount:
            raise No("insufficient_funds", available=balance)
        self.balances[source] = balance - amount
        self.balances[to] = self.balances.get(to, 0) + amount
