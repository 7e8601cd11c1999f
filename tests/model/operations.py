"""What may be asked of a shop in this test: plain data, decided, with the ids that it will have.

``bookkeeper.py`` says what each does to plain dicts, ``plans.py`` which plan asks the real engine for it.
Amounts are smallest units, times business milliseconds.
"""

from dataclasses import dataclass

GEMS, COINS, USD = "gems", "coins", "USD"


@dataclass(frozen=True, slots=True)
class Offer:
    """Goods at a price: how many one customer may own, and how many one, or all, may buy."""

    price: int
    asset: str
    most_owned: int | None = None
    per_customer: int | None = None
    for_all: int | None = None


CATALOG = {
    "sword": Offer(20, GEMS, most_owned=1),
    "potion": Offer(7, GEMS, per_customer=9),
    "hat": Offer(5, COINS, for_all=5),
}
PROMO_LIMIT, PROMO_GEMS = 4, 6
TALLY_LIMIT, TALLY_GOAL, GOAL_GEMS = 9, 5, 3


@dataclass(frozen=True, slots=True)
class Credit:
    """Put value into a wallet. With a ``payment`` each unit cost ``unit_cost`` cents."""

    customer: str
    asset: str
    amount: int
    payment: str | None
    unit_cost: int | None
    priority: int
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Buy:
    """Spend, count against the limits, give the goods, write the purchase. ``notes`` keeps what a refusal was."""

    purchase: str
    entry: str
    customer: str
    sku: str
    quantity: int
    notes: bool


@dataclass(frozen=True, slots=True)
class Consume:
    consumption: str
    customer: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Refund:
    """The purchase's refund number ``number``: give back ``amount``, take back ``quantity`` of the goods."""

    reversal: str
    purchase: str
    number: int
    amount: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Pack:
    """Gems for money that a gateway took: ``cents`` go to revenue, ``gems`` come from issuance."""

    entry: str
    customer: str
    gems: int
    cents: int


@dataclass(frozen=True, slots=True)
class ChargeBack:
    """The bank takes a pack's money back: ``gems`` of its unspent lot go, and the money once."""

    pack: str
    number: int
    gems: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """The bank asks about a pack: what is there of ``gems`` of it, and of some potions, is frozen."""

    freeze: str
    pack: str
    gems: int
    potions: int


@dataclass(frozen=True, slots=True)
class Win:
    freeze: str


@dataclass(frozen=True, slots=True)
class Lose:
    """What is frozen is taken, what of the demand is missing is owed."""

    entry: str
    freeze: str
    repay_percent: int
    blocks: bool


@dataclass(frozen=True, slots=True)
class Place:
    hold: str
    customer: str
    asset: str
    amount: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Capture:
    """Take ``amount`` of a hold, None for all of it."""

    hold: str
    customer: str
    asset: str
    amount: int | None


@dataclass(frozen=True, slots=True)
class Release:
    hold: str
    customer: str
    asset: str


@dataclass(frozen=True, slots=True)
class Lapse:
    """Do what time has done to a wallet."""

    customer: str
    asset: str


@dataclass(frozen=True, slots=True)
class Move:
    """Money between accounts without lots: received for a customer (``is_in``), or applied to revenue."""

    entry: str
    customer: str
    amount: int
    is_in: bool


@dataclass(frozen=True, slots=True)
class Reverse:
    """Undo a whole ``Move``, or try to undo a reversal."""

    entry: str
    original: str
    customer: str


@dataclass(frozen=True, slots=True)
class Redeem:
    """Take one of the few that a promotion gives, at most one each."""

    customer: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Add to a shared counter with a limit; who reaches the goal gets gems."""

    customer: str
    by: int
    otherwise: str


@dataclass(frozen=True, slots=True)
class Convert:
    """Turn gems into coins, or coins into gems, ``numerator`` for every ``denominator``."""

    customer: str
    asset: str
    amount: int
    numerator: int
    denominator: int
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Split:
    """Share money out by weight: to the platform (which gets what rounding leaves), a creator and a tax office."""

    amount: int
    platform: int
    creator: int
    tax: int


Operation = (
    Credit
    | Buy
    | Consume
    | Refund
    | Pack
    | ChargeBack
    | Dispute
    | Win
    | Lose
    | Place
    | Capture
    | Release
    | Lapse
    | Move
    | Reverse
    | Redeem
    | Tally
    | Convert
    | Split
)


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation as a caller asks for it: under a key with a body, or without."""

    operation: Operation
    caller: str = "server"
    key: str | None = None
    body: str = ""
