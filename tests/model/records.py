"""What the model remembers, the names of its accounts, and what it says that a caller must see."""

from dataclasses import dataclass, field

from .operations import USD

CLEARING, REVENUE = "gateway:sandbox:clearing:USD", "platform:revenue:USD"
CREATOR, TAX = "creator:cre_luna:payable:USD", "tax:DE:due:USD"


@dataclass(slots=True)
class Purchase:
    """A purchase and what was refunded of it; ``draws`` are (lot, amount) in the order they paid for it."""

    customer: str
    sku: str
    asset: str
    total: int
    quantity: int
    entry: str
    draws: list[tuple[int, int]]
    refunds: int = 0
    given_back: int = 0
    taken_back: int = 0


@dataclass(slots=True)
class Bought:
    """A pack of gems: its lot, what of it came there, what a debt swallowed, and what the bank took back."""

    customer: str
    lot: int
    gems: int
    cents: int
    swallowed: int = 0
    taken: int = 0
    charge_backs: int = 0


@dataclass(slots=True)
class Debt:
    amount: int
    repay_percent: int
    blocks: bool


@dataclass(frozen=True, slots=True)
class Moved:
    customer: str
    amount: int
    is_in: bool
    is_reversal: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What a caller must see: done, a replay of ``bytes_of``, or the refusal's code (written down, if ``is_kept``)."""

    refusal: str | None = None
    facts: dict[str, int] = field(default_factory=dict)
    is_kept: bool = False
    is_replay: bool = False


def wallet_id(customer: str, asset: str) -> str:
    return f"customer:{customer}:{asset}"


def unapplied_id(customer: str) -> str:
    return f"customer:{customer}:unapplied:{USD}"


def debt_id(customer: str, asset: str) -> str:
    return f"customer:{customer}:debt:{asset}"


def receivable(asset: str) -> str:
    return f"platform:receivable:{asset}"


def issuance(asset: str) -> str:
    return f"platform:issuance:{asset}"


def sink(asset: str) -> str:
    return f"platform:sink:{asset}"


def exchange(asset: str) -> str:
    return f"platform:exchange:{asset}"
