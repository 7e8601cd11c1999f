"""Collecting the values of attributes: each group has a provider, which is asked only if a rule reads one of its own.

A provider that fails costs nobody a purchase by itself: its attributes are *failed*, and an enforced rule that reads
one of them does what ``fail`` says. A new source of attributes is one more provider, and their rows in the table.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import bindparam, func, select

from storefront.core.buyer_caps import declined_key
from storefront.core.clock import DAY_MS, HOUR_MS, MINUTE_MS
from storefront.core.commit.engine import CommitNotice
from storefront.core.errors import Unavailable
from storefront.core.gateways import PaymentFacts
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import counters, customers, purchases
from storefront_fraud.attributes import Attribute, Value
from storefront_fraud.metering import highest_of
from storefront_fraud.network import Countries
from storefront_fraud.scoring import NOT_SCORED, Scorer
from storefront_fraud.subjects import Subject

MOST_HISTORY, LONG_HISTORY, HISTORY_KEPT_MS = 1000, 20, MINUTE_MS
"""So many purchases are looked at; who has twenty or more has them counted anew each minute, or after a reversal."""
_MOST_REMEMBERED = 10_000
_SHOP_KEPT_MS = 5_000
_CREATED = Query(select(customers.c.created_at).where(customers.c.id == bindparam("id")))
_lately = (
    select(purchases.c.refunded, purchases.c.dispute)
    .where(purchases.c.customer_id == bindparam("id"), purchases.c.completed_at.is_not(None))
    .order_by(purchases.c.id.desc())
    .limit(MOST_HISTORY)
    .subquery()
)
_counts: Sequence[Any] = (
    func.count().label("purchases"),
    func.count().filter(_lately.c.refunded != "none").label("refunds"),
    func.count().filter(_lately.c.dispute != "none").label("disputes"),
)
_HISTORY = Query(select(*_counts).select_from(_lately))
_COUNTER = Query(select(counters.c.value).where(counters.c.key == bindparam("key")))
_SHOP = Query(
    select(func.coalesce(func.sum(counters.c.value), 0).label("n")).where(
        counters.c.key >= bindparam("first"), counters.c.key < bindparam("last")
    )
)

log = structlog.get_logger("storefront.fraud")

SCORES = "anomaly"
"""The group of the anomaly score: it is made of what the others give, so it comes last."""
ASKED_FOR_SCORES = frozenset({"customer", "history", "network", "recipient"})
Found = dict[str, Value]
Provider = Callable[[Subject, int], Found | Awaitable[Found]]
"""Subject, now -> the values of a group, at once where they are known already; what is missing is left out."""


@dataclass(slots=True)
class Values:
    """What was collected: attribute -> value, and attribute -> why it could not be had; and the score's columns."""

    known: dict[str, Value]
    failed: dict[str, str]
    scored: Mapping[str, str | int | None]


class Collector:
    """Collects the values of purchases for one shop."""

    def __init__(
        self,
        services: Services,
        attributes: Mapping[str, Attribute],
        reference: str,
        *,
        countries: Countries | None,
        scorer: Scorer,
    ) -> None:
        self._services = services
        self._attributes = attributes
        self._reference = reference
        self._countries = countries
        self._scorer = scorer
        self._created: dict[str, int] = {}
        self._histories: dict[str, tuple[int, Found]] = {}
        self._shop: tuple[int, int] = (0, 0)
        self._providers: Mapping[str, Provider] = {
            "time": self._time,
            "network": self._network,
            "customer": self._customer,
            "history": self._history,
            "declines": self._declines,
            "recipient": self._recipient,
            "meter": self._meter,
        }

    def on_commit(self, notice: CommitNotice) -> None:
        """Read the history of customers anew whose purchases were refunded or disputed."""
        if self._histories and "reversals" in notice.tables:
            for anchor in notice.versions:
                self._histories.pop(anchor, None)

    async def collect(self, subject: Subject, groups: Sequence[str], now: int) -> Values:
        """Return the values of these groups, and those that are known without asking."""
        values = Values(subject.values(self._reference), {}, NOT_SCORED)
        for group in groups:
            provider = self._providers.get(group)
            if provider is None:
                continue
            try:
                found = provider(subject, now)
                if found:
                    values.known |= found if isinstance(found, dict) else await found
            except Unavailable:
                raise
            except Exception as error:
                self._fail(group, values, error)
        if SCORES in groups:
            try:
                values.known |= await self._scores(subject, values, now)
            except Unavailable:
                raise
            except Exception as error:
                self._fail(SCORES, values, error)
        return values

    def _fail(self, group: str, values: Values, error: Exception) -> None:
        """Take down that the attributes of a group could not be had.

        What the rules say then is the operator's word (``fail``); a purchase is never let through by it.
        """
        log.error("attributes_failed", group=group, exc_info=error)
        why = f"{type(error).__name__}: {error}"[:200]
        values.failed |= {name: why for name, one in self._attributes.items() if one.group == group}

    async def _scores(self, subject: Subject, values: Values, now: int) -> Mapping[str, Value]:
        since = now - await self._age(subject.customer_id, now)
        scored = await self._scorer.score(subject, values.known, since=since, now=now)
        values.scored = scored.to_row()
        return scored.values()

    def _time(self, subject: Subject, now: int) -> Found:
        return {"time.hour": now // HOUR_MS % 24, "time.weekday": (now // DAY_MS + 3) % 7 + 1}

    def _network(self, subject: Subject, now: int) -> Found:
        if self._countries is None or subject.address is None:
            return {}
        country = self._countries.of(subject.address)
        return {} if country is None else {"ip.country": country}

    async def _customer(self, subject: Subject, now: int) -> Found:
        age = await self._age(subject.customer_id, now)
        name = await self._services.customers.external_id(subject.customer_id)
        return {"customer.id": name, "customer.age_minutes": age // MINUTE_MS, "customer.age_days": age // DAY_MS}

    async def _age(self, customer_id: str, now: int) -> int:
        """Return for how long a customer has been known, in ms; a newcomer, whom the purchase makes, for no time."""
        created = self._created.get(customer_id)
        if created is None:
            row = await self._services.reader.first(_CREATED, id=customer_id)
            if row is None:
                return 0
            if len(self._created) >= _MOST_REMEMBERED:
                self._created.clear()
            created = self._created[customer_id] = int(row["created_at"])
        return max(0, now - created)

    def _history(self, subject: Subject, now: int) -> Found | Awaitable[Found]:
        kept = self._histories.get(subject.customer_id)
        if kept is not None and kept[0] <= now < kept[0] + HISTORY_KEPT_MS:
            return kept[1]
        return self._read_history(subject.customer_id, now)

    async def _read_history(self, customer_id: str, now: int) -> Found:
        row = await self._services.reader.first(_HISTORY, id=customer_id)
        assert row is not None, "a count has a row"
        found: Found = {f"customer.{name}": int(row[name]) for name in ("purchases", "refunds", "disputes")}
        if row["purchases"] >= LONG_HISTORY:
            if len(self._histories) >= _MOST_REMEMBERED:
                self._histories.clear()
            self._histories[customer_id] = (now, found)
        return found

    def _declines(self, subject: Subject, now: int) -> Found | Awaitable[Found]:
        return self._read_declines(subject.address, now) if subject.is_of_gateway else {}

    async def _read_declines(self, address: str | None, now: int) -> Found:
        shop_at, shop = self._shop
        if not shop_at <= now < shop_at + _SHOP_KEPT_MS:
            shop = max([await self._declined_in(hour) for hour in (now, now - HOUR_MS)])
            self._shop = (now, shop)
        if address is None:
            return {"declines.shop": shop}
        keys = (declined_key(address, hour) for hour in (now, now - HOUR_MS))
        rows = [await self._services.reader.first(_COUNTER, key=key) for key in keys]
        return {"declines.shop": shop, "declines.ip": max(0 if row is None else int(row["value"]) for row in rows)}

    async def _declined_in(self, at: int) -> int:
        row = await self._services.reader.first(_SHOP, first=declined_key("", at), last=declined_key("", at + HOUR_MS))
        return 0 if row is None else int(row["n"])

    def _recipient(self, subject: Subject, now: int) -> Found | Awaitable[Found]:
        return {} if subject.recipient_id is None else self._read_recipient(subject.recipient_id, now)

    async def _read_recipient(self, recipient_id: str, now: int) -> Found:
        age = await self._age(recipient_id, now)
        return {
            "recipient.id": await self._services.customers.external_id(recipient_id),
            "recipient.age_days": age // DAY_MS,
        }

    async def _meter(self, subject: Subject, now: int) -> Found:
        score = await highest_of(self._services, subject.customer_id, now)
        return {} if score is None else {"meter.score": score}


def payment_values(facts: PaymentFacts) -> dict[str, Value]:
    """Return the attributes of the group ``payment``; what the gateway does not say is missing."""
    card: Mapping[str, Any] = facts.card or {}
    checks = card.get("checks")
    checked: Mapping[str, Any] = checks if isinstance(checks, Mapping) else {}
    score = card.get("risk_score")
    secure = card.get("three_d_secure")
    found = {
        "card.fingerprint": card.get("fingerprint"),
        "card.country": card.get("country"),
        "card.brand": card.get("brand"),
        "card.funding": card.get("funding"),
        "card.cvc_check": checked.get("cvc_check"),
        "card.address_check": checked.get("address_line1_check"),
        "card.postal_check": checked.get("address_postal_code_check"),
        "card.three_d_secure": secure.get("result") if isinstance(secure, Mapping) else secure,
        "radar.level": card.get("risk_level"),
    }
    values: dict[str, Value] = {name: value for name, value in found.items() if isinstance(value, str) and value}
    if isinstance(score, int) and not isinstance(score, bool):
        values["radar.score"] = score
    return values
