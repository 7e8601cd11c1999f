"""What a batch of entries and events adds to the roll-ups. Pure: the same commits give the same sums, however cut.

Each movement counts on the day on which it happened, never on that of what it is about: a refund in March of a purchase
in February takes nothing off February.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from storefront.core.analytics.batches import BEGUN, JOINED_SHOP, MERGED, Batch, Bought, Entry, Happened
from storefront.core.analytics.members import Member, month_of
from storefront.core.analytics.metrics import (
    CHECKOUTS,
    CHECKOUTS_PAID,
    CLEARING,
    CONVERTED_IN,
    CONVERTED_OUT,
    CUSTOMERS,
    FEES,
    GROSS,
    ISSUED,
    LAPSED,
    LEFT,
    LOSSES,
    MEMBERS,
    OTHER_REVENUE,
    PAYMENTS,
    REFUNDED_TAX,
    REFUNDS,
    RETURNED,
    SETTLED,
    SHARE,
    SPENT,
    TAKEN_BACK,
    TAX,
    WALLET_IN,
    WALLET_OUT,
    AllFigures,
    RollupKey,
    Told,
)
from storefront.core.clock import DAY_MS, HOUR_MS
from storefront.core.gateways import BalanceKind

_INTO = {"issuance": ISSUED, "sink": RETURNED, "exchange": CONVERTED_IN}
_OUT_OF = {"sink": SPENT, "issuance": TAKEN_BACK, "breakage": LAPSED, "exchange": CONVERTED_OUT}
Side = tuple[str, str, str]
"""One side of a transfer: whose the account is, its role, and its id."""
_OF_CREATORS = frozenset({"reserve", "payable", "debt"})
"""Where a creator's share lies; what payouts have taken is theirs, wherever it goes then."""


@dataclass(slots=True)
class Sums:
    """What was added: ``key -> [amount, count]``; ``members`` are those that changed, as they stand now."""

    added: dict[RollupKey, list[int]] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    commit_no: int = -1
    counted_until: int = 0
    folded: int = 0

    def add(self, key: RollupKey, amount: int, count: int = 0) -> None:
        found = self.added.setdefault(key, [0, 0])
        found[0] += amount
        found[1] += count


def customers_of(batch: Batch, figures: AllFigures) -> set[str]:
    """Return the customers whose standing a batch may change: ``fold`` wants them as they stood before it."""
    found = {one.customer_id for happened in batch.events for one in figures.standings(happened.told)}
    for happened in batch.events:
        if happened.told.type == MERGED:
            found.update(_merged(happened.told))
    return found


def _merged(told: Told) -> tuple[str, str]:
    """Return who became whom."""
    return told.data["source"]["customer_id"], told.data["target"]["customer_id"]


def fold(batch: Batch, figures: AllFigures, members: Mapping[str, Member], sums: Sums) -> None:
    """Add a batch to the sums; ``members`` are those of ``customers_of`` as they stood, and stand so afterwards."""
    for entry in batch.entries:
        _Folding(entry, sums).fold()
    for happened in batch.events:
        _fold_event(happened, figures, sums)
    _fold_standings(batch, figures, members, sums)
    whens = [entry.occurred_at for entry in batch.entries] + [one.occurred_at for one in batch.events]
    sums.counted_until = max(sums.counted_until, *whens)
    sums.commit_no, sums.folded = batch.commit_no, sums.folded + batch.size


def fold_entry(entry: Entry) -> Sums:
    """Return what one entry adds to the roll-ups."""
    sums = Sums()
    _Folding(entry, sums).fold()
    return sums


def _fold_event(happened: Happened, figures: AllFigures, sums: Sums) -> None:
    day, told, bought = happened.occurred_at // DAY_MS, happened.told, happened.bought
    if told.type == JOINED_SHOP:
        sums.add(RollupKey(CUSTOMERS, "", day), 0, 1)
    elif told.type == BEGUN and bought is not None and bought.is_asked:
        total = told.data["total"]
        sums.add(RollupKey(CHECKOUTS, total["currency"], day, bought.kind, bought.sku), total["amount"], 1)
    for one in figures.counts(told):
        sums.add(RollupKey(one.figure, one.asset, day, one.kind, one.key), one.amount, one.count)


def _fold_standings(batch: Batch, figures: AllFigures, members: Mapping[str, Member], sums: Sums) -> None:
    """Count what each commit changed for each customer: what moves within a commit is one movement, or none."""
    changed: dict[tuple[int, str], list[Happened]] = {}
    for happened in batch.events:
        if happened.told.type == MERGED:
            changed[happened.commit_no, MERGED] = [happened]
        for one in figures.standings(happened.told):
            changed.setdefault((happened.commit_no, one.customer_id), []).append(happened)
    for (_, customer_id), told in changed.items():
        if customer_id == MERGED:
            _fold_merge(told[0], members, sums)
            continue
        member = members[customer_id]
        before = member.totals()
        for happened in told:
            for one in figures.standings(happened.told):
                if one.customer_id == customer_id:
                    member.take(one)
        for key, amount in member.movements(before, told[-1].occurred_at // DAY_MS):
            sums.add(key, amount, 1)
        sums.members[customer_id] = member


def _fold_merge(happened: Happened, members: Mapping[str, Member], sums: Sums) -> None:
    """Let one member go on as another: nothing is new and nothing churned, but of two who paid one is left."""
    source_id, target_id = _merged(happened.told)
    source, target = members[source_id], members[target_id]
    if source.standing and target.standing:
        assert target.joined_day is not None, "whoever pays has joined"
        day = happened.occurred_at // DAY_MS
        sums.add(RollupKey(MEMBERS, "", day, LEFT, month_of(target.joined_day)), 0, 1)
    target.take_over(source)
    sums.members[source_id], sums.members[target_id] = source, target


class _Folding:
    """Adds one entry: each of its transfers by the two accounts that it goes between."""

    def __init__(self, entry: Entry, sums: Sums) -> None:
        self._entry = entry
        self._sums = sums
        self._day = entry.occurred_at // DAY_MS
        self._counted: set[RollupKey] = set()

    def fold(self) -> None:
        for number, (source, destination, asset, amount) in enumerate(self._entry.transfers):
            (giver, out_of), (taker, into) = _role(source), _role(destination)
            if giver == taker == "customer" and out_of == into == "wallet":
                continue  # passed on: players hold as much as before
            if taker == "customer" and into == "wallet":
                self._into_wallet(number, out_of, asset, amount)
            elif giver == "customer" and out_of == "wallet":
                self._out_of_wallet(into, asset, amount)
            self._earned((giver, out_of, source), (taker, into, destination), asset, amount)
            self._at_gateway((giver, out_of, source), (taker, into, destination), asset, amount)

    def _add(self, metric: str, asset: str, amount: int, *, part: str = "", counts: bool = False) -> None:
        """Add to a metric by what was bought; an entry counts once, however many transfers it has."""
        key = RollupKey(metric, asset, self._day, *self._about(), part)
        count = int(counts and key not in self._counted)
        if counts:
            self._counted.add(key)
        self._sums.add(key, amount, count)

    def _about(self) -> tuple[str, str]:
        bought = self._entry.bought
        return (self._entry.kind, "") if bought is None else (bought.kind, bought.sku)

    def _earned(self, source: Side, to: Side, asset: str, amount: int) -> None:
        """Count what moves the shop's earnings: ``platform:revenue``, and what it owes as tax."""
        for sign, ours, theirs in ((1, to, source), (-1, source, to)):
            if theirs[0] == "creator" and theirs[1] in _OF_CREATORS:
                if ours[:2] in (("platform", "revenue"), ("platform", "sink")):
                    key = RollupKey(SHARE, asset, self._day, self._entry.kind, _owner(theirs[2]))
                    self._sums.add(key, -sign * amount)
            elif ours[0] == "tax" or ours[:2] == ("platform", "revenue"):
                self._count_earned(sign, theirs, asset, amount, is_tax=ours[0] == "tax")
            if ours[:2] == ("platform", "losses"):
                self._add(LOSSES, asset, -sign * amount, part=self._creator())

    def _count_earned(self, sign: int, theirs: Side, asset: str, amount: int, *, is_tax: bool) -> None:
        is_sale = theirs[1] in ("clearing", "disputes", "unapplied") and self._entry.bought is not None
        if not is_sale:
            if not is_tax:
                self._sums.add(RollupKey(OTHER_REVENUE, asset, self._day, self._entry.kind), sign * amount)
            return
        whole, tax = (REFUNDS, REFUNDED_TAX) if self._entry.is_reversal else (GROSS, TAX)
        signed = -sign * amount if self._entry.is_reversal else sign * amount
        self._add(whole, asset, signed, part=self._creator(), counts=signed > 0)
        if is_tax:
            self._add(tax, asset, signed, part=self._creator())

    def _creator(self) -> str:
        return "" if self._entry.bought is None else self._entry.bought.creator

    def _at_gateway(self, source: Side, to: Side, asset: str, amount: int) -> None:
        """Count what a gateway received, kept and let arrive."""
        bought, entry = self._entry.bought, self._entry
        if source[:2] == ("gateway", "clearing") and not entry.is_reversal and _is_received(to) and bought is not None:
            self._add(PAYMENTS, asset, amount, part=_owner(source[2]), counts=True)
            if bought.is_asked:
                self._add(CHECKOUTS_PAID, asset, amount, counts=True)
        # What a gateway holds for us is ours: more of it stands on the giving side, as all that is paid to us does.
        for sign, (giver, role, account) in ((1, source), (-1, to)):
            if (giver, role) == ("gateway", "fees"):
                self._add(FEES, asset, sign * amount, part=_owner(account))
            elif (giver, role) == ("gateway", "balance") and entry.gateway_kind is not None and bought is not None:
                self._settle(bought, asset, sign * amount, _owner(account))

    def _settle(self, bought: Bought, asset: str, amount: int, gateway: str) -> None:
        is_payment = self._entry.gateway_kind == BalanceKind.PAYMENT
        is_first = all(key.metric != SETTLED for key in self._counted)
        self._add(SETTLED, asset, amount, part=gateway, counts=is_payment)
        if is_payment and is_first and bought.begun_at is not None:
            hours = max(0, self._entry.occurred_at - bought.begun_at) // HOUR_MS
            self._sums.add(RollupKey(CLEARING, asset, self._day, str(hours)), 0, 1)

    def _into_wallet(self, number: int, out_of: str, asset: str, amount: int) -> None:
        metric = _INTO.get(out_of, WALLET_IN)
        if metric != ISSUED:
            self._add(metric, asset, amount, part=out_of if metric == WALLET_IN else "", counts=True)
            return
        for source, part in self._sources(number, amount):
            self._add(ISSUED, asset, part, part=source, counts=True)

    def _sources(self, number: int, amount: int) -> Iterator[tuple[str, int]]:
        """Yield where the credits of a transfer come from, with their amounts."""
        found = [(source, part) for transfer, source, part in self._entry.credits if transfer == number]
        yield from found
        rest = amount - sum(part for _, part in found)
        if rest:
            yield "", rest

    def _out_of_wallet(self, into: str, asset: str, amount: int) -> None:
        metric = _OUT_OF.get(into, WALLET_OUT)
        self._add(metric, asset, amount, part=into if metric == WALLET_OUT else "", counts=True)


def _is_received(to: Side) -> bool:
    return to[0] == "tax" or to[:2] in (("platform", "revenue"), ("customer", "unapplied"))


def _role(account: str) -> tuple[str, str]:
    """Return whose an account is and its role; ``customer:cus_…:gems`` is a wallet, ``tax:DE:EUR`` one of tax."""
    parts = account.split(":")
    if parts[0] in ("platform", "tax"):
        return parts[0], parts[1]
    return parts[0], "wallet" if len(parts) == 3 else parts[2]


def _owner(account: str) -> str:
    """Return the gateway or creator of an account."""
    return account.split(":")[1]
