"""The model's wallets: lots in drain order and holds that pin them, in plain objects."""

from dataclasses import dataclass, field

from .records import Debt

NEVER = 2**62


class No(Exception):
    """The model refuses: the code a caller must see, and facts that must be among the refusal's."""

    def __init__(self, code: str, **facts: int) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(slots=True)
class Lot:
    """One credit, or several equal ones; ``cost`` is what real money paid for ``amount`` of it."""

    amount: int
    source: str
    payment: str | None = None
    cost: int | None = None
    priority: int = 100
    expires_at: int | None = None
    number: int = -1
    opened_at: int = -1
    remaining: int = 0
    held: int = 0
    frozen: int = 0

    def is_lapsed(self, now: int) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def grow(self, amount: int, cost: int | None) -> None:
        self.amount += amount
        self.remaining += amount
        if self.cost is not None and cost is not None:
            self.cost += cost

    def place(self) -> tuple[int, int, bool, int, int]:
        """Return where it stands in drain order."""
        expires_at = NEVER if self.expires_at is None else self.expires_at
        return (self.priority, expires_at, self.source == "purchased", self.opened_at, self.number)


@dataclass(slots=True)
class Hold:
    """Funds set aside; ``pins`` are (lot, amount) in drain order."""

    amount: int
    expires_at: int
    pins: list[tuple[int, int]]
    state: str = "open"
    captured: int = 0

    def is_open(self, now: int) -> bool:
        return self.state == "open" and now < self.expires_at

    def is_over(self, now: int) -> bool:
        return self.state == "open" and self.expires_at <= now


@dataclass(slots=True)
class Frozen:
    """What a dispute has of one lot and of the potions; ``waiting`` is what holds pin of it, by hold."""

    customer: str
    pack: str
    lot: int
    demanded: int
    potions_demanded: int
    place: tuple[int, str]
    amount: int = 0
    potions: int = 0
    waiting: dict[str, int] = field(default_factory=dict)
    state: str = "open"


@dataclass(slots=True)
class Wallet:
    """One customer's lots, holds and open freezes in one asset, by number and by id.

    ``lost`` are freezes that were taken and still wait for holds, which pay the ``debt``; ``collected`` is what those
    paid since somebody asked.
    """

    lots: dict[int, Lot] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    freezes: list[Frozen] = field(default_factory=list)
    lost: list[Frozen] = field(default_factory=list)
    debt: Debt | None = None
    collected: int = 0

    def balance(self, now: int) -> int:
        return sum(lot.remaining for lot in self.lots.values()) - sum(amount for _, amount in self.to_collect(now))

    def owed(self, now: int) -> int:
        return 0 if self.debt is None else self.debt.amount - sum(amount for _, amount in self.to_collect(now))

    def to_collect(self, now: int) -> list[tuple[int, int]]:
        """Return the (lot, amount) that holds whose time is over pay of the debt as soon as somebody looks."""
        found, owed = [], 0 if self.debt is None else self.debt.amount
        for name, _ in self.over(now):
            for frozen in self.lost:
                part = min(frozen.waiting.get(name, 0), owed)
                owed -= part
                found.append((frozen.lot, part))
        return found

    def over(self, now: int) -> list[tuple[str, Hold]]:
        """Return the holds whose time is over, the first to end first."""
        found = [(name, hold) for name, hold in self.holds.items() if hold.is_over(now)]
        return sorted(found, key=lambda one: (one[1].expires_at, one[0]))

    def held(self, now: int) -> int:
        return sum(hold.amount for hold in self.holds.values() if hold.is_open(now))

    def available(self, now: int) -> int:
        """Return what can be spent now; holds whose time is over hold nothing, lapsed lots give nothing."""
        lapsed = {number for number, lot in self.lots.items() if lot.is_lapsed(now)}
        free = sum(lot.remaining - lot.frozen for number, lot in self.lots.items() if number not in lapsed)
        for name, hold in self.holds.items():
            if hold.is_open(now):
                free -= sum(amount for number, amount in hold.pins if number not in lapsed)
            elif hold.is_over(now):
                free -= sum(one.waiting.get(name, 0) for one in self.freezes if one.lot not in lapsed)
        return free - sum(amount for number, amount in self.to_collect(now) if number not in lapsed)

    def frozen(self, now: int) -> int:
        """Return what is frozen; so is, of a hold whose time is over, what a freeze waits for."""
        over = [name for name, hold in self.holds.items() if hold.is_over(now)]
        waited = sum(one.waiting.get(name, 0) for one in self.freezes for name in over)
        return sum(lot.frozen for lot in self.lots.values()) + waited

    def freeze(self, frozen: Frozen, now: int) -> None:
        """Freeze what is free of the lot, and wait for what holds pin of the rest and nobody waits for yet."""
        lot = self.lots[frozen.lot]
        free = 0 if lot.is_lapsed(now) else lot.remaining - lot.held - lot.frozen
        frozen.amount = min(frozen.demanded, free)
        lot.frozen += frozen.amount
        missing = frozen.demanded - frozen.amount
        for name, hold in sorted(self.holds.items()):
            claimed = sum(one.waiting.get(name, 0) for one in self.freezes + self.lost if one.lot == frozen.lot)
            pinned = sum(amount for number, amount in hold.pins if number == frozen.lot) if hold.state == "open" else 0
            if part := min(missing, pinned - claimed):
                frozen.waiting[name] = part
                missing -= part
        self.freezes.append(frozen)
        self.freezes.sort(key=lambda one: one.place)

    def thaw(self, frozen: Frozen) -> None:
        self.lots[frozen.lot].frozen -= frozen.amount
        self.freezes.remove(frozen)

    def lose(self, frozen: Frozen) -> None:
        """Let a freeze that is taken go on waiting for holds: what they give back pays what is owed."""
        self.lost.append(frozen)
        self.lost.sort(key=lambda one: one.place)

    def owe_nothing(self) -> None:
        for frozen in self.lost:
            frozen.waiting.clear()
        self.lost.clear()

    def equal_to(self, other: Lot) -> Lot | None:
        """Return the lot that a credit joins: one with something left, of the same origin, unit cost and terms."""
        for lot in self.lots.values():
            same = (lot.source, lot.payment, lot.priority, lot.expires_at) == (
                other.source,
                other.payment,
                other.priority,
                other.expires_at,
            )
            if lot.remaining and same and _costs_the_same(lot, other):
                return lot
        return None

    def choose(self, amount: int, now: int) -> list[tuple[int, int]]:
        """Return the (lot, amount) that a spend of ``amount`` takes, in order."""
        chosen = []
        usable = sorted((lot for lot in self.lots.values() if not lot.is_lapsed(now)), key=Lot.place)
        available = sum(lot.remaining - lot.held - lot.frozen for lot in usable)
        if available < amount:
            raise No("insufficient_funds", available=available, required=amount)
        for lot in usable:
            part = min(amount, lot.remaining - lot.held - lot.frozen)
            if part:
                chosen.append((lot.number, part))
                amount -= part
        return chosen

    def draw(self, parts: list[tuple[int, int]]) -> None:
        for number, amount in parts:
            self.lots[number].remaining -= amount

    def restore(self, draws: list[tuple[int, int]], *, skip: int, amount: int) -> None:
        """Give back into drawn lots, the last draw first, after the ``skip`` that were given back before."""
        for number, drawn in reversed(draws):
            skipped = min(skip, drawn)
            part = min(amount, drawn - skipped)
            skip, amount = skip - skipped, amount - part
            if part:
                lot = self.lots[number]
                lot.grow(part, None if lot.cost is None else lot.cost * part // lot.amount)

    def pin(self, hold: Hold) -> None:
        for number, amount in hold.pins:
            self.lots[number].held += amount

    def let_go(self, hold: Hold, state: str, taken: list[tuple[int, int]] | None = None) -> None:
        """End a hold: what it takes is gone, of the rest freezes get what they wait for, then debts, oldest first."""
        hold.state = state
        for number, amount in hold.pins:
            self.lots[number].held -= amount
        given_back = dict(hold.pins)
        for number, amount in taken or []:
            self.lots[number].remaining -= amount
            given_back[number] -= amount
        name = next(name for name, one in self.holds.items() if one is hold)
        for frozen in self.freezes:
            part = min(frozen.waiting.pop(name, 0), given_back.get(frozen.lot, 0))
            if part:
                given_back[frozen.lot] -= part
                self.lots[frozen.lot].frozen += part
                frozen.amount += part
        for frozen in list(self.lost):
            wanted = min(frozen.waiting.pop(name, 0), given_back.get(frozen.lot, 0))
            part = 0 if self.debt is None else min(wanted, self.debt.amount)
            if part and self.debt is not None:
                given_back[frozen.lot] -= part
                self.lots[frozen.lot].remaining -= part
                self.debt.amount -= part
                self.collected += part
        if self.debt is None or self.debt.amount == 0:
            self.owe_nothing()

    def let_go_of_what_is_over(self, now: int) -> bool:
        """Release the holds whose time is over; tell whether there were any."""
        over = self.over(now)
        for _, hold in over:
            self.let_go(hold, "expired")
        return bool(over)

    def lapse(self, now: int) -> int:
        """Empty what has lapsed and is not pinned; return how much that was."""
        lapsed = 0
        for lot in self.lots.values():
            if lot.is_lapsed(now):
                lapsed += lot.remaining - lot.held - lot.frozen
                lot.remaining = lot.held + lot.frozen
        return lapsed


def _costs_the_same(lot: Lot, other: Lot) -> bool:
    if lot.cost is None or other.cost is None:
        return lot.cost is other.cost
    return lot.cost * other.amount == other.cost * lot.amount
