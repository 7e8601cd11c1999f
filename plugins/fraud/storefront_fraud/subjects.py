"""What is judged: a purchase that is about to be made, as plain values, and what velocity can count it by."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec

from storefront.core.assessing import PurchaseAttempt
from storefront.core.quotes import Quote
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.networks import network_of
from storefront_fraud.attributes import Value
from storefront_fraud.config import Settings

_MOST_FACTORS = 1000
_CALLERS = {"customer": "customer", "key": "server", "public": "guest"}
_OF_PEOPLE = frozenset({"customer", "guest"})


class Subject(msgspec.Struct, frozen=True):
    """A purchase; ``address`` is None where its buyer's own is not known. ``reference``: in the reference currency."""

    purchase_id: str
    customer_id: str
    kind: str
    sku: str
    quantity: int
    amount: int
    currency: str
    gateway: str
    catalog_version: str
    reference: int | None
    caller: str | None
    address: str | None
    country: str | None
    device: str | None
    creator: str | None
    recipient_id: str | None

    @classmethod
    def of_attempt(cls, rates: Rates, attempt: PurchaseAttempt, quote: Quote, device: str) -> Subject:
        caller = _CALLERS.get(attempt.caller.partition(":")[0], "shop")
        is_person = caller in _OF_PEOPLE and attempt.address is not None
        total = quote.total
        return cls(
            purchase_id=attempt.purchase_id,
            customer_id=attempt.customer_id,
            kind=quote.offer.kind,
            sku=quote.offer.sku,
            quantity=quote.quantity,
            amount=total.amount_minor,
            currency=total.currency,
            gateway=quote.pay_with if total.amount_minor else "free",
            catalog_version=quote.catalog_version,
            reference=rates.convert(total.amount_minor, total.currency),
            caller=caller,
            address=network_of(attempt.address) if is_person and attempt.address else None,
            country=attempt.country,
            device=_text(attempt.metadata.get(device)),
            creator=_text(attempt.details.get("creator")),
            recipient_id=attempt.recipient_id,
        )

    @classmethod
    def of_row(cls, rates: Rates, row: Row, device: str) -> Subject:
        """Return what a purchase's row still tells: of one that was not judged when it began."""
        details, metadata = msgspec.json.decode(row["details"]), msgspec.json.decode(row["metadata"])
        return cls(
            purchase_id=row["id"],
            customer_id=row["customer_id"],
            kind=row["kind"],
            sku=row["sku"],
            quantity=row["quantity"],
            amount=row["total"],
            currency=row["currency"],
            gateway=row["pay_with"],
            catalog_version=row["catalog_version"],
            reference=rates.convert(row["total"], row["currency"]),
            caller=None,
            address=None,
            country=None,
            device=_text(metadata.get(device)),
            creator=_text(details.get("creator")),
            recipient_id=row["recipient_id"],
        )

    def values(self, reference: str) -> dict[str, Value]:
        """Return the attributes of the group ``purchase``, and those that are known without asking anybody."""
        found: dict[str, Value] = {
            "kind": self.kind,
            "sku": self.sku,
            "quantity": self.quantity,
            "amount": self.amount,
            "currency": self.currency,
            "gateway": self.gateway,
            "recipient.is_other": self.recipient_id is not None,
        }
        if self.reference is not None:
            found[f"amount_{reference.lower()}"] = self.reference
        if self.caller is not None:
            found["caller"] = self.caller
        if self.country is not None:
            found["country"] = self.country
        if self.device is not None:
            found["device.id"] = self.device
        if self.creator is not None:
            found["creator.id"] = self.creator
        if self.address is not None:
            found["ip.address"] = self.address
        return found

    @property
    def is_of_gateway(self) -> bool:
        return self.gateway not in ("wallet", "free")

    @property
    def identity(self) -> dict[str, str]:
        """Return dimension -> value: what velocity can count this purchase by."""
        found = {"customer": self.customer_id}
        if self.address:
            found["ip"] = self.address
        if self.device:
            found["device"] = self.device
        if self.creator:
            found["creator"] = self.creator
        return found


class Rates:
    """Converts amounts into the reference currency; what a catalog says of a currency is looked up once."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._reference = settings.reference
        self._rates = settings.rates
        self._factors: dict[tuple[str, str], tuple[int, int] | None] = {}

    def convert(self, amount: int, currency: str) -> int | None:
        """Return an amount in the smallest unit of the reference currency, rounded down; None without a rate."""
        if currency == self._reference:
            return amount
        known = (self._services.catalogs.active.version, currency)
        if known not in self._factors:
            if len(self._factors) >= _MOST_FACTORS:
                self._factors.clear()
            self._factors[known] = self._factor(currency)
        factor = self._factors[known]
        return None if factor is None else amount * factor[0] // factor[1]

    def _factor(self, currency: str) -> tuple[int, int] | None:
        rate, catalog = self._rates.get(currency), self._services.catalogs.active
        if rate is None:
            return None
        steps = catalog.asset(self._reference).exponent - catalog.asset(currency).exponent
        return (rate * Fraction(10) ** steps).as_integer_ratio()


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) and value else None
