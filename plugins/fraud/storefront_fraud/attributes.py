"""What rules may read: the one table of attributes, from which the schema, the README and the CEL environment are made.

An attribute that is not known for a purchase is *missing*: it has no value, and a rule that reads it does what its
``on_missing`` says. Whoever adds an attribute adds it here, and a provider that gives its value (``collecting.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from storefront_fraud.anomaly.world import GROUPS

Value = bool | int | float | str


class Stage(StrEnum):
    """When a rule runs: before anything is written, or once the gateway has told of the payment."""

    PURCHASE = "purchase"
    PAYMENT = "payment"


class Kind(StrEnum):
    """The type of an attribute, as CEL calls it."""

    BOOL = "bool"
    INT = "int"
    DOUBLE = "double"
    STRING = "string"


ZERO: Mapping[Kind, Value] = {Kind.BOOL: False, Kind.INT: 0, Kind.DOUBLE: 0.0, Kind.STRING: ""}
"""What stands for a missing value while others are evaluated; a rule that reads it is not asked."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. ``group`` names its provider; ``says`` explains it, ``example`` is a condition that reads it."""

    name: str
    kind: Kind
    group: str
    says: str
    example: str
    stage: Stage = Stage.PURCHASE


WINDOWS = ("1m", "1h", "24h", "7d")
DIMENSIONS: Mapping[str, str] = {
    "customer": "this customer",
    "ip": "this address (IPv4: the address, IPv6: its /64)",
    "device": "this device",
    "creator": "this creator, by anybody",
    "card": "this card (its fingerprint)",
}
"""Dimension of the velocity counters -> what it counts by. ``card`` is counted when a payment is judged."""
AT_PAYMENT = frozenset({"card"})
_WINDOW_WORDS = {"1m": "minute", "1h": "hour", "24h": "24 hours", "7d": "7 days"}


def _text(name: str, group: str, says: str, example: str, stage: Stage = Stage.PURCHASE) -> Attribute:
    return Attribute(name, Kind.STRING, group, says, example, stage)


def _whole(name: str, group: str, says: str, example: str, stage: Stage = Stage.PURCHASE) -> Attribute:
    return Attribute(name, Kind.INT, group, says, example, stage)


def _switch(name: str, group: str, says: str, example: str) -> Attribute:
    return Attribute(name, Kind.BOOL, group, says, example)


def _purchase(reference: str) -> list[Attribute]:
    in_reference = f"amount_{reference.lower()}"
    return [
        _text("kind", "purchase", "The kind of the offer.", "kind == 'tip'"),
        _text("sku", "purchase", "The offer.", "sku.startsWith('gems-')"),
        _whole("quantity", "purchase", "How many are bought.", "quantity > 50"),
        _whole("amount", "purchase", "What is to be paid, in the smallest unit of `currency`.", "amount > 10000"),
        _text("currency", "purchase", "In what it is paid: a currency, or one of the shop's own.", "currency == 'USD'"),
        _whole(in_reference, "purchase",
               f"The same in the smallest unit of {reference} (`reference`), by `rates`; missing without a rate.",
               f"{in_reference} > 20000"),
        _text("gateway", "purchase", "What pays: `wallet`, `free`, or the gateway.", "gateway == 'wallet'"),
        _text("caller", "purchase", "Who asked: `customer`, `server`, `guest`, or `shop` for what is bought by itself.",
              "caller == 'guest'"),
        _text("country", "purchase", "The country that the buyer has given, as in `DE`.", "country == 'DE'"),
        _text("device.id", "purchase", "The device, from the purchase's metadata (the key that `device` names).",
              "in_list(device.id, 'banned_devices')"),
        _text("creator.id", "purchase", "The creator who is tipped, as the YAML names them.", "creator.id == 'luna'"),
        _switch("recipient.is_other", "purchase", "Whether it is a gift.", "recipient.is_other"),
        _text("recipient.id", "recipient", "The game's id of whom a gift is for.",
              "in_list(recipient.id, 'mules')"),
        _whole("recipient.age_days", "recipient", "For how many days they have been known.", "recipient.age_days < 1"),
    ]  # fmt: skip


_CUSTOMER = [
    _text("customer.id", "customer", "The game's id of the buyer.", "in_list(customer.id, 'trusted_customers')"),
    _whole("customer.age_minutes", "customer", "For how many minutes they have been known; 0 for a newcomer.",
           "customer.age_minutes < 10"),
    _whole("customer.age_days", "customer", "For how many whole days.", "customer.age_days < 1"),
    _whole("customer.purchases", "history",
           "How many purchases of theirs were completed, 1000 at most; from 20 on, as of up to a minute ago.",
           "customer.purchases == 0"),
    _whole("customer.refunds", "history", "How many of those were refunded, in whole or in part.",
           "customer.refunds > 3"),
    _whole("customer.disputes", "history", "How many of their payments a bank has disputed.", "customer.disputes > 0"),
]  # fmt: skip
_NETWORK = [
    _text("ip.address", "network", "Where the request came from (IPv6: its /64); missing for what a server asks.",
          "in_list(ip.address, 'banned_addresses')"),
    _text("ip.country", "network", "The country of that address, if `ip_countries` names a table.",
          "ip.country != country"),
    _whole("declines.ip", "declines", "How many cards were declined from that address, in this hour of the clock or "
           "the one before, whichever had more; missing for what a wallet pays.", "declines.ip > 5"),
    _whole("declines.shop", "declines", "The same of the whole shop.", "declines.shop > 200"),
]  # fmt: skip
_TIME = [
    _whole("time.hour", "time", "The hour of the day, UTC.", "time.hour < 6"),
    _whole("time.weekday", "time", "The day of the week, UTC: 1 is Monday.", "time.weekday > 5"),
]


def _card() -> list[Attribute]:
    def of_card(name: str, says: str, example: str) -> Attribute:
        return _text(name, "payment", says, example, Stage.PAYMENT)

    checks = "`pass`, `fail`, `unavailable` or `unchecked`"
    return [
        of_card("card.fingerprint", "Equal for equal cards.", "in_list(card.fingerprint, 'reported_cards')"),
        of_card("card.country", "The country of the card's bank.", "card.country != ip.country"),
        of_card("card.brand", "As in `visa`.", "card.brand == 'amex'"),
        of_card("card.funding", "`credit`, `debit` or `prepaid`.", "card.funding == 'prepaid'"),
        of_card("card.cvc_check", f"What the bank said of the security code: {checks}.", "card.cvc_check == 'fail'"),
        of_card("card.address_check", f"Of the street: {checks}.", "card.address_check == 'fail'"),
        of_card("card.postal_check", f"Of the postal code: {checks}.", "card.postal_check == 'fail'"),
        of_card("card.three_d_secure", "How 3-D Secure ended, as in `authenticated`.",
                "card.three_d_secure == 'authenticated'"),
        of_card("radar.level", "The gateway's own word for the risk, as in `elevated`.", "radar.level == 'highest'"),
        _whole("radar.score", "payment", "Its score, 0 to 99.", "radar.score > 75", Stage.PAYMENT),
    ]  # fmt: skip


_GROUP_WORDS = {
    "amount": "its amount, for this customer and among all",
    "pace": "how many purchases come how fast",
    "place": "address, device and country",
    "crowd": "how many others come from there of late",
    "habit": "the hour, the kind, the gateway and the offer",
    "gift": "how many gifts go to whom",
    "refunds": "how often refunds are asked",
}
"""Group of the anomaly score -> what it looks at."""


def _scores() -> list[Attribute]:
    found = [
        Attribute("anomaly.score", Kind.DOUBLE, "anomaly", "How unusual the purchase is, 0 to 1: 0.5 is one in a "
                  "thousand, 1 one in a million; missing until 300 purchases are learned.", "anomaly.score > 0.8"),
    ]  # fmt: skip
    for group in GROUPS:
        name = f"anomaly.{group}"
        says = f"The same of one side of it: {_GROUP_WORDS[group]}."
        found.append(Attribute(name, Kind.DOUBLE, "anomaly", says, f"{name} > 0.5"))
    says = ("How unlike itself what a meter counts of this customer has become within the last seven days, 0 to 1; "
            "missing for the first two weeks.")  # fmt: skip
    return [*found, Attribute("meter.score", Kind.DOUBLE, "meter", says, "meter.score > 0.9")]


def _velocity(reference: str) -> list[Attribute]:
    found = []
    for dimension, words in DIMENSIONS.items():
        stage = Stage.PAYMENT if dimension in AT_PAYMENT else Stage.PURCHASE
        for window in WINDOWS:
            count, total = (f"velocity.{dimension}.{figure}_{window}" for figure in ("count", "sum"))
            within = f"within the last {_WINDOW_WORDS[window]}, this one and refused ones included"
            found += [
                _whole(count, "velocity", f"How many purchases by {words} {within}.", f"{count} > 5", stage),
                _whole(
                    total, "velocity", f"Their sum, in the smallest unit of {reference}.", f"{total} > 50000", stage
                ),
            ]
    return found


def attributes_of(reference: str) -> Mapping[str, Attribute]:
    """Return name -> attribute; ``reference`` is the currency that amounts are compared in."""
    table = [*_purchase(reference), *_CUSTOMER, *_NETWORK, *_TIME, *_card(), *_scores(), *_velocity(reference)]
    return {one.name: one for one in table}


@dataclass(frozen=True, slots=True)
class Velocity:
    """A velocity attribute in parts: ``velocity.card.sum_1h`` is card, sum, 1h."""

    dimension: str
    figure: str
    window: str

    @classmethod
    def of(cls, name: str) -> "Velocity | None":
        """Return the parts of an attribute's name; None for any other attribute."""
        first, _, rest = name.partition(".")
        if first != "velocity":
            return None
        dimension, _, last = rest.partition(".")
        figure, _, window = last.partition("_")
        return cls(dimension, figure, window)
