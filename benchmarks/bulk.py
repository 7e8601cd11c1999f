"""A large ledger that is true to the last row, written set-wise: what growth is measured on.

It holds what a shop would hold after years: customers with a full wallet, and their purchases with entries,
transfers, draws, items, movements, events, counters and the answered keys of the last month, in commit order.
``audit verify --deep`` finds it clean. The same seed gives the same rows. Nothing is sealed
yet: that is for the sealer of the shop that opens it. With ``sales`` some purchases are paid by card instead, with
what a gateway tells of them and what other servers were told (``bulk_sales.py``).
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from benchmarks.bulk_sales import TABLES as TABLES_OF_SALES
from benchmarks.bulk_sales import Buyer, Rows, Sale, Sales
from storefront.core.accounts import issuance, sink, wallet
from storefront.core.clock import DAY_MS, iso
from storefront.core.purchasing import OPERATION
from storefront.core.receipts.numberer import CURSOR as RECEIPTS_CURSOR
from storefront.core.tables import metadata

SKU, TITLE, PRICE = "health-potion", "Health potion", 15
FULL = 10**12
BEGAN_AT = 1_700_006_400_000  # 2023-11-15, the start of a UTC day
STEP_MS = 7_919  # between two commits; 3.3 million of them are ten months
PURCHASES_PER_CUSTOMER = 20
MOST_OF_ONE = 10_000
KEYS_KEPT_FOR_MS = 30 * DAY_MS
COMMITS_PER_CHUNK = 10_000
TABLES = (
    "customers", "claims", "anchors", "accounts", "entries", "transfers", "lots", "draws", "credits",
    "counters", "items", "item_movements", "purchases", "events", "idempotency", "settings", *TABLES_OF_SALES,
)  # fmt: skip
COLUMNS: Mapping[str, tuple[str, ...]] = {
    name: tuple(column.name for column in metadata.tables[name].columns) for name in TABLES
}
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Size:
    """How much: ledger rows are those of entries, transfers, draws and credits together, three a commit."""

    ledger_rows: int

    @classmethod
    def of_purchases(cls, many: int) -> "Size":
        """Return the size of about so many purchases."""
        return cls(3 * (many + many // PURCHASES_PER_CUSTOMER))

    @property
    def customers(self) -> int:
        return max(2, self.ledger_rows // 3 // (PURCHASES_PER_CUSTOMER + 1))

    @property
    def purchases(self) -> int:
        return self.ledger_rows // 3 - self.customers

    def commits(self, sales: int = 0) -> int:
        """Return about how many commits that is, with one purchase in ``sales`` paid by card."""
        return self.customers + self.purchases + (2 * self.purchases // sales if sales else 0)

    @property
    def of_one(self) -> int:
        """Purchases of the busiest customer, ``external_id(0)``."""
        return min(MOST_OF_ONE, self.purchases // 2)


@dataclass(slots=True, kw_only=True)
class _Customer(Buyer):
    lot_id: str
    joined_at: int
    item_id: str = ""
    bought: int = 0
    first_bought_at: int = 0
    by_day: dict[int, int] = field(default_factory=dict)


def external_id(number: int) -> str:
    """Return the game's id of a customer; 0 is the one with the most purchases."""
    return f"bulk-{number}"


class Ledger:
    """The rows of one large ledger: ``for rows in Ledger(size, catalog_version).chunks(): …``, each once.

    A chunk is ``table -> rows`` with the columns of ``COLUMNS``, parents first.
    """

    def __init__(self, size: Size, catalog_version: str, *, seed: int = 1, sales: int = 0) -> None:
        self._size = size
        self._every = sales
        self._sales = Sales(catalog_version, self._id)
        self._catalog_version = catalog_version
        self._random = random.Random(seed)
        self._customers: list[_Customer] = []
        self._commit_no = 0
        offer = {"amount": PRICE, "currency": "gems"}
        line = {"type": "offer", "sku": SKU, "kind": "item", "title": TITLE, "quantity": 1, "unit_price": offer}
        self._lines = msgspec.json.encode([{**line, "total": offer}]).decode()

    def chunks(self) -> Iterator[Rows]:
        accounts = [issuance("gems"), sink("gems"), *(self._sales.accounts() if self._every else ())]
        yield {"accounts": [(a.id, a.owner, a.role, a.asset, 0, 0, None) for a in accounts]}
        yield from self._chunked(self._join, range(self._size.customers))
        yield from self._chunked(self._buy, self._buyers())
        for first in range(0, len(self._customers), COMMITS_PER_CHUNK):
            yield self._standing(self._customers[first : first + COMMITS_PER_CHUNK])
        end = (self._commit_no + 1, "", 0)
        if self._every:
            yield self._sales.standing(end, self.ends_at)
        # What was bought for gems gets no receipt, and what was paid by card none any more.
        yield {"settings": [(RECEIPTS_CURSOR, msgspec.json.encode(end).decode())]}

    @property
    def ends_at(self) -> int:
        """The business time of the last commit so far (ms)."""
        return BEGAN_AT + self._commit_no * STEP_MS

    def _chunked(self, add: Any, many: Sequence[int]) -> Iterator[Rows]:
        for first in range(0, len(many), COMMITS_PER_CHUNK):
            rows: Rows = {name: [] for name in TABLES}
            for one in many[first : first + COMMITS_PER_CHUNK]:
                self._commit_no += 1
                add(rows, one, BEGAN_AT + self._commit_no * STEP_MS)
            yield rows

    def _buyers(self) -> list[int]:
        """Return who buys, purchase by purchase: one customer very often, the others by chance."""
        size = self._size
        others = self._random.choices(range(1, size.customers), k=size.purchases - size.of_one)
        buyers = others + [0] * size.of_one
        self._random.shuffle(buyers)
        return buyers

    def _id(self, prefix: str, at: int) -> str:
        """Return an id as ``new_id`` would have made it at this time: sorted by time, the rest by chance."""
        time = "".join(_ALPHABET[(at >> 5 * place) & 31] for place in range(9, -1, -1))
        return f"{prefix}_{time}{self._random.getrandbits(64):016x}"

    def _join(self, rows: Rows, number: int, at: int) -> None:
        customer = _Customer(id=self._id("cus", at), lot_id=self._id("lot", at), joined_at=at)
        self._customers.append(customer)
        account, entry_id, name = wallet(customer.id, "gems"), self._id("ent", at), external_id(number)
        rows["customers"].append((customer.id, name, None, at, None, None))
        rows["claims"].append((f"customer:{name}", customer.id))
        rows["entries"].append(
            (entry_id, self._commit_no, "benchmark.opening", customer.id, customer.id, "bulk", None, at, at, None)
        )
        rows["transfers"].append((entry_id, 0, issuance("gems").id, account.id, "gems", FULL))
        rows["credits"].append((entry_id, 0, 0, customer.lot_id, FULL, "granted", None, None, None, 100, None))
        payload = f'{{"id":"{customer.id}"}}'
        rows["events"].append(
            (customer.id, 1, self._id("evt", at), self._commit_no, "customer.created", customer.id, at, at, payload)
        )

    def _buy(self, rows: Rows, number: int, at: int) -> None:
        customer, commit_no = self._customers[number], self._commit_no
        if self._every and self._random.randrange(self._every) == 0:
            self._commit_no += self._sales.sell(rows, customer, Sale(commit_no, at))
            return
        purchase_id, entry_id = self._id("pur", at), self._id("ent", at)
        if not customer.bought:
            customer.item_id, customer.first_bought_at = self._id("itm", at), at
        customer.bought += 1
        day = at - at % DAY_MS
        customer.by_day[day] = customer.by_day.get(day, 0) + 1
        caller = f"customer:{customer.id}"
        lots = f'[["{customer.lot_id}",{PRICE}]]'
        rows["entries"].append(
            (entry_id, commit_no, "purchase.settled", purchase_id, customer.id, caller, None, at, at, None)
        )
        rows["transfers"].append((entry_id, 0, f"{caller}:gems", sink("gems").id, "gems", PRICE))
        rows["draws"].append((entry_id, 0, 0, customer.lot_id, PRICE))
        rows["item_movements"].append(
            (self._id("mov", at), commit_no, customer.id, SKU, 1, "granted", purchase_id, lots)
        )
        rows["purchases"].append(
            (purchase_id, customer.id, SKU, "item", 1, "completed", "none", "none", "wallet", "none", "gems", PRICE,
             self._catalog_version, self._lines, "[]", "{}", "{}", entry_id, None, at, at, at, None, None, None,
             None)
        )  # fmt: skip
        total = f'{{"amount":{PRICE},"currency":"gems"}}'
        payload = (
            f'{{"id":"{purchase_id}","customer_id":"{customer.id}","sku":"{SKU}","quantity":1,'
            f'"status":"completed","total":{total}}}'
        )
        rows["events"].append(
            (customer.id, customer.next_event(), self._id("evt", at), commit_no, "purchase.completed", purchase_id,
             at, at, payload)
        )  # fmt: skip
        if commit_no > self._size.commits(self._every) - KEYS_KEPT_FOR_MS // STEP_MS:
            rows["idempotency"].append(
                (caller, OPERATION, self._id("key", at), purchase_id.encode()[:32], purchase_id, "answered", 201,
                 self._answer(customer, purchase_id, number, at), at)
            )  # fmt: skip

    def _answer(self, customer: _Customer, purchase_id: str, number: int, at: int) -> bytes:
        """Return the stored answer: what a retry of the key would get."""
        left = FULL - customer.bought * PRICE
        return (
            f'{{"id":"{purchase_id}","customer":{{"id":"{external_id(number)}","from_version":{customer.bought + 1},'
            f'"version":{customer.bought + 2},"changed":{{"wallets":{{"gems":{{"balance":{left},"available":{left},'
            f'"held":0,"frozen":0,"expiring":[]}}}},"items":[{{"sku":"{SKU}","instance":"{customer.item_id}",'
            f'"quantity":{customer.bought},"frozen":false,"expires_at":null}}]}}}},"recipient":null,'
            f'"sku":"{SKU}","quantity":1,'
            f'"status":"completed","refunded":"none","dispute":"none","total":{{"amount":{PRICE},"currency":"gems"}},'
            f'"lines":{self._lines},"pay_with":"wallet","payment":{{"state":"none"}},'
            f'"catalog_version":"{self._catalog_version}","details":{{}},"metadata":{{}},"created_at":"{iso(at)}",'
            f'"completed_at":"{iso(at)}","expires_at":null}}'
        ).encode()

    def _standing(self, customers: Sequence[_Customer]) -> Rows:
        """Return the rows that say where each customer stands after everything."""
        rows: Rows = {name: [] for name in TABLES}
        for customer in customers:
            account, left = wallet(customer.id, "gems"), FULL - customer.bought * PRICE
            rows["anchors"].append((customer.id, customer.events + 1, customer.events, None))
            balance = left + customer.gems
            rows["accounts"].append((account.id, account.owner, account.role, account.asset, 1, balance, None))
            rows["lots"].append(
                (
                    customer.lot_id,
                    account.id,
                    "granted",
                    None,
                    None,
                    None,
                    100,
                    customer.joined_at,
                    None,
                    FULL,
                    left,
                    0,
                    0,
                )
            )
            if customer.bought:
                rows["items"].append(
                    (customer.id, SKU, customer.item_id, customer.bought, 0, customer.first_bought_at, None, 0)
                )
            for day, count in customer.by_day.items():
                rows["counters"].append((f"limit:{SKU}:{customer.id}:day:{day}", customer.id, count))
        return rows
