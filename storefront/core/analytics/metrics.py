"""What is rolled up: the metrics, what their ``kind``, ``key`` and ``part`` are, and what plugins add.

Everything is a sum of movements, each on the business day (UTC) on which it happened. What stands at a day's end is the
sum of all up to it.

Money (asset: the currency of the movement):

=================  ==========================================================  ============  ========  ==========
metric             amount                                                      kind          key       part
=================  ==========================================================  ============  ========  ==========
gross              paid for what was delivered, tax included; counts them      of the offer  SKU       creator
tax                of that, tax                                                of the offer  SKU       creator
refunds            gone back of that, tax included; counts them                of the offer  SKU       creator
refunded_tax       of that, tax                                                of the offer  SKU       creator
share              earned by creators, less what they gave back                of the entry  creator
losses             gone back beyond what had come in                           of the offer  SKU       creator
payments           received by a gateway; counts them                          of the offer  SKU       gateway
fees               kept by a gateway                                           of the offer  SKU       gateway
settled            arrived on a gateway's balance, less fees and refunds;      of the offer  SKU       gateway
                   counts payments
clearing           0; counts payments by how long they took to arrive          full hours
other_revenue      all else that moved the account ``platform:revenue``        of the entry
checkouts          asked on a gateway's page; counts them                      of the offer  SKU
checkouts_paid     of those, paid; counts them                                 of the offer  SKU
=================  ==========================================================  ============  ========  ==========

Wallets (asset: one of the shop's own; ``kind``: of the offer, or of the entry where nothing was bought; ``key``: SKU):
``issued`` (part: the credits' source), ``returned`` by refunds, ``taken_back``, ``spent``, ``lapsed``,
``converted_in``, ``converted_out``, ``wallet_in`` and ``wallet_out`` (all else), each with how many entries moved it.
What players hold is what came in less what went out.

Recurring revenue: ``recurring`` (amount a month; ``kind``: new, expansion, contraction, churn, reactivation; ``key``:
the month in which the customer joined) in each asset, and ``members`` (asset ``""``; ``kind``: joined, left, returned)
of all. ``customers`` counts newcomers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

GROSS, TAX, REFUNDS, REFUNDED_TAX, SHARE, LOSSES = "gross", "tax", "refunds", "refunded_tax", "share", "losses"
PAYMENTS, FEES, SETTLED, CLEARING, OTHER_REVENUE = "payments", "fees", "settled", "clearing", "other_revenue"
CHECKOUTS, CHECKOUTS_PAID, CUSTOMERS = "checkouts", "checkouts_paid", "customers"
ISSUED, RETURNED, TAKEN_BACK, SPENT, LAPSED = "issued", "returned", "taken_back", "spent", "lapsed"
CONVERTED_IN, CONVERTED_OUT, WALLET_IN, WALLET_OUT = "converted_in", "converted_out", "wallet_in", "wallet_out"
RECURRING, MEMBERS = "recurring", "members"
NEW, EXPANSION, CONTRACTION, CHURN, REACTIVATION = "new", "expansion", "contraction", "churn", "reactivation"
FAN_FUNDING, MEMBERSHIPS, WALLETS, REVENUE = "fan_funding", "memberships", "wallets", "revenue"
AREAS = (REVENUE, MEMBERSHIPS, FAN_FUNDING, WALLETS)
"""Where figures of plugins are shown."""
JOINED, LEFT, CAME_BACK = "joined", "left", "returned"

INTO_WALLETS = (ISSUED, RETURNED, CONVERTED_IN, WALLET_IN)
OUT_OF_WALLETS = (SPENT, TAKEN_BACK, LAPSED, CONVERTED_OUT, WALLET_OUT)
OF_CORE = frozenset(
    {GROSS, TAX, REFUNDS, REFUNDED_TAX, SHARE, LOSSES, PAYMENTS, FEES, SETTLED, CLEARING, OTHER_REVENUE, CHECKOUTS,
     CHECKOUTS_PAID, CUSTOMERS, *INTO_WALLETS, *OUT_OF_WALLETS, RECURRING, MEMBERS}
)  # fmt: skip


class RollupKey(NamedTuple):
    """Where something counts: see the table above. ``day``: days since 1970-01-01, UTC."""

    metric: str
    asset: str
    day: int
    kind: str = ""
    key: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An event, as figures see it: committed, and never changed."""

    type: str
    subject: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a customer pays a month for ``subject`` from now on: ``monthly``, in the smallest unit; 0: nothing."""

    subject: str
    customer_id: str
    asset: str
    monthly: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What an event adds to a figure, on its day."""

    figure: str
    asset: str
    kind: str
    key: str = ""
    amount: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that a plugin brings, to the ``area`` where it is shown: ``says`` what it counts, in a sentence.

    ``unit``: ``money`` or ``count``.
    """

    name: str
    area: str
    unit: str
    says: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What a plugin brings to analytics. Both functions are pure: an event says the same whenever it is counted.

    ``standing`` reads what the event types ``standing_events`` make of recurring revenue, None if nothing; ``count``
    what those of ``count_events`` add to ``figures`` (of names ``<plugin>_…``). ``kinds_of_entries``: kind of an entry
    that moves creators' shares -> kind of the offers whose money that is.
    """

    figures: Sequence[Figure] = ()
    standing_events: frozenset[str] = frozenset()
    standing: Callable[[Told], Standing | None] = lambda told: None
    count_events: frozenset[str] = frozenset()
    count: Callable[[Told], Sequence[Counted]] = lambda told: ()
    kinds_of_entries: Mapping[str, str] = field(default_factory=dict)


class AllFigures:
    """What all plugins bring, together."""

    def __init__(self, brought: Sequence[Figures] = ()) -> None:
        self._brought: list[Figures] = []
        self.kinds_of_entries: dict[str, str] = {}
        for one in brought:
            self.add(one)

    def add(self, figures: Figures) -> None:
        """Take in what one plugin brings; raises ``ValueError`` where a name is taken."""
        taken = OF_CORE | {figure.name for one in self._brought for figure in one.figures}
        for figure in figures.figures:
            if figure.name in taken:
                raise ValueError(f"the figure {figure.name} is brought twice")
            if figure.area not in AREAS:
                raise ValueError(f"the figure {figure.name} is of no area: {', '.join(AREAS)}")
        self._brought.append(figures)
        self.kinds_of_entries.update(figures.kinds_of_entries)

    def remove(self, figures: Figures) -> None:
        """Take out what a plugin brought that is left out after all."""
        self._brought.remove(figures)
        self.kinds_of_entries = {kind: of for one in self._brought for kind, of in one.kinds_of_entries.items()}

    @property
    def figures(self) -> list[Figure]:
        return [figure for one in self._brought for figure in one.figures]

    @property
    def event_types(self) -> frozenset[str]:
        """The types of events that are read."""
        return frozenset().union(*(one.standing_events | one.count_events for one in self._brought))

    def standings(self, told: Told) -> list[Standing]:
        found = (one.standing(told) for one in self._brought if told.type in one.standing_events)
        return [standing for standing in found if standing is not None]

    def counts(self, told: Told) -> list[Counted]:
        return [one for brought in self._brought if told.type in brought.count_events for one in brought.count(told)]
