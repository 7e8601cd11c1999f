"""What a large ledger holds of purchases by card: each with its payment, claim, entries and the gateway's movement,
what the gateway told of it, what two other servers were told, and what an operator did about some.

The rows are those that a real purchase leaves behind, but for its receipt: signing would take longer than all else.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.accounts import Account, issuance, wallet
from storefront.core.outgoing_webhooks.endpoints import COUNTER

Rows = dict[str, list[tuple[Any, ...]]]

GATEWAY, PACK, PACK_GEMS = "sandbox", "gems-500", 500
PRICES: Mapping[str, int] = {"USD": 499, "EUR": 479}
FEE = 44
RARE_CARD = "0341"
"""The last four digits of one card in a thousand."""
ENDPOINTS = ("whe_00000000000000000000000001", "whe_00000000000000000000000002")
DEAD_EVERY, ACT_EVERY = 5_000, 10
TABLES = (
    "payments", "gateway_movements", "inbox", "webhook_endpoints", "webhook_deliveries", "webhook_attempts",
    "audit_actions",
)  # fmt: skip
_TOLD = ("payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed")
_RAW = b'{"id": "evt_0000", "object": "event", "data": {"object": {"id": "cs_0000"}}}'
NewId = Callable[[str, int], str]


@dataclass(slots=True, kw_only=True)
class Buyer:
    """A customer as sales see them: how many events they have, and gems in lots of packs."""

    id: str
    events: int = 1
    gems: int = 0

    def next_event(self) -> int:
        self.events += 1
        return self.events


@dataclass(frozen=True, slots=True)
class Sale:
    """The first of three commits that follow each other: begun, settled, arrived on the gateway's balance."""

    commit_no: int
    at: int


class Sales:
    """Writes sales, one after the other; ``new_id`` makes an id of a prefix at a time."""

    def __init__(self, catalog_version: str, new_id: NewId) -> None:
        self._catalog_version, self._new_id = catalog_version, new_id
        self._count = 0

    def accounts(self) -> Iterator[Account]:
        for currency in PRICES:
            yield from (Account(f"gateway:{GATEWAY}", role, currency) for role in ("clearing", "balance", "fees"))
            yield Account("platform", "revenue", currency)

    def sell(self, rows: Rows, buyer: Buyer, sale: Sale) -> int:
        """Add all rows of one sale; return how many commits it took beside its first."""
        self._count += 1
        number, at = self._count, sale.at
        currency = "EUR" if number % 3 == 0 else "USD"
        names = {one: self._new_id(one, at) for one in ("pur", "pay", "ent", "lot")}
        self._bought(rows, buyer, sale, names, currency)
        self._settled(rows, buyer, sale, names, currency)
        self._arrived(rows, sale, names, currency)
        for place, told in enumerate(_TOLD):
            event = f"evt_{number:016x}{place}"
            rows["inbox"].append((GATEWAY, "", event, told, None, "processed", _RAW, None, at, at))
        if number % ACT_EVERY == 0:
            facts = '{"reason":"asked for"}'
            act = (self._new_id("act", at), "operator:opr_0", "purchase.looked_at", names["pur"], facts, at, at)
            rows["audit_actions"].append(act)
        return 2

    def _bought(self, rows: Rows, buyer: Buyer, sale: Sale, names: Mapping[str, str], currency: str) -> None:
        at, price, purchase = sale.at, PRICES[currency], names["pur"]
        total = {"amount": price, "currency": currency}
        line = {"type": "offer", "sku": PACK, "kind": "currency_pack", "title": "500 gems", "quantity": 1,
                "unit_price": total, "total": total}  # fmt: skip
        rows["purchases"].append(
            (purchase, buyer.id, PACK, "currency_pack", 1, "completed", "none", "none", GATEWAY, "received", currency,
             price, self._catalog_version, msgspec.json.encode([line]).decode(), "[]", "{}", "{}", names["ent"], None,
             at, at, at, at + 35 * 60_000, None, None, None)
        )  # fmt: skip
        last4 = RARE_CARD if self._count % 1_000 == 0 else f"{4242 + self._count % 40:04d}"
        card = {
            "brand": "visa",
            "last4": last4,
            "country": "US",
            "funding": "credit",
            "fingerprint": f"{self._count:016x}",
        }
        rows["payments"].append(
            (names["pay"], purchase, buyer.id, GATEWAY, f"cs_bulk_{self._count:020x}", self._money, price, currency,
             "received", None, None, 0, at, 1, at, None, 0, msgspec.json.encode(card).decode(), price, currency, None,
             None, 0, 0, None, None)
        )  # fmt: skip
        rows["claims"].append((f"payment:{GATEWAY}:{self._money}", purchase))
        self._tell(rows, buyer, sale, purchase=purchase, status="pending", total=total)

    @property
    def _money(self) -> str:
        return f"pi_bulk_{self._count:020x}"

    def _settled(self, rows: Rows, buyer: Buyer, sale: Sale, names: Mapping[str, str], currency: str) -> None:
        at, price, entry = sale.at, PRICES[currency], names["ent"]
        account = wallet(buyer.id, "gems").id
        rows["entries"].append(
            (entry, sale.commit_no + 1, "purchase.settled", names["pur"], buyer.id, f"gateway:{GATEWAY}", None, at, at,
             None)
        )  # fmt: skip
        clearing = f"gateway:{GATEWAY}:clearing:{currency}"
        rows["transfers"].append((entry, 0, clearing, f"platform:revenue:{currency}", currency, price))
        rows["transfers"].append((entry, 1, issuance("gems").id, account, "gems", PACK_GEMS))
        bought = ("purchased", names["pay"], price, currency, 100)
        rows["credits"].append((entry, 0, 1, names["lot"], PACK_GEMS, *bought, None))
        rows["lots"].append((names["lot"], account, *bought, at, None, PACK_GEMS, PACK_GEMS, 0, 0))
        buyer.gems += PACK_GEMS
        total = {"amount": price, "currency": currency}
        settled = Sale(sale.commit_no + 1, at)
        event = self._tell(rows, buyer, settled, purchase=names["pur"], status="completed", total=total)
        self._told_others(rows, buyer, sale, event)

    def _tell(
        self, rows: Rows, buyer: Buyer, sale: Sale, *, purchase: str, status: str, total: Mapping[str, Any]
    ) -> str:
        """Add what everybody is told of a step of a sale; return the event's id."""
        commit_no, at, event = sale.commit_no, sale.at, self._new_id("evt", sale.at)
        payload = {"id": purchase, "customer_id": buyer.id, "sku": PACK, "quantity": 1, "status": status,
                   "total": total}  # fmt: skip
        rows["events"].append(
            (buyer.id, buyer.next_event(), event, commit_no, f"purchase.{status}", purchase, at, at,
             msgspec.json.encode(payload).decode())
        )  # fmt: skip
        return event

    def _told_others(self, rows: Rows, buyer: Buyer, sale: Sale, event: str) -> None:
        is_dead = self._count % DEAD_EVERY == 0
        place = (sale.commit_no + 1, buyer.id, buyer.events)
        for endpoint in ENDPOINTS:
            state, at = "dead" if is_dead else "delivered", sale.at
            rows["webhook_deliveries"].append(
                (endpoint, event, "purchase.completed", *place, state, 1, at, at, at + 90)
            )
            answer = (503, 30_000, "timed_out", "") if is_dead else (200, 88, None, "ok")
            rows["webhook_attempts"].append((self._new_id("wha", at), endpoint, event, at, *answer))

    def _arrived(self, rows: Rows, sale: Sale, names: Mapping[str, str], currency: str) -> None:
        """Book the gateway's own movement of the payment, less its fee."""
        at, price, movement = sale.at, PRICES[currency], f"txn_bulk_{self._count:020x}"
        entry, place = self._new_id("ent", at), f"gateway:{GATEWAY}"
        rows["entries"].append(
            (entry, sale.commit_no + 2, "gateway.payment", movement, place, place, None, at, at, None)
        )
        for position, (source, to, amount) in enumerate((("balance", "clearing", price), ("fees", "balance", FEE))):
            sides = (f"{place}:{source}:{currency}", f"{place}:{to}:{currency}")
            rows["transfers"].append((entry, position, *sides, currency, amount))
        rows["gateway_movements"].append(
            (GATEWAY, movement, "payment", "charge", price, FEE, currency, price, currency, None,
             f"ch_bulk_{self._count:020x}", self._money, names["pur"], entry, at, at)
        )  # fmt: skip

    def standing(self, end: tuple[int, str, int], at: int) -> Rows:
        """Return the two servers that were told of every sale, up to the end of all events."""
        made = (None, 1, 0, *end, at)
        endpoints = [
            (endpoint, f"https://receiver-{number}.example/hook", "", "[]", "enabled", *made)
            for number, endpoint in enumerate(ENDPOINTS, start=1)
        ]
        return {"webhook_endpoints": endpoints, "counters": [(COUNTER, COUNTER, len(ENDPOINTS))]}
