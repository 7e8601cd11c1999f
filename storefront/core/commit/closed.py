"""Customers who were erased: nothing begins for them any more, and what is still written about them is written blank.

That somebody was erased is a row that every plan of theirs loads, so no plan that was decided before an erasure slips
past it, in whichever process it was made. What goes on is what must: a dispute about what they once paid, a refund.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from storefront.core.commit.state import Address, Row, State
from storefront.core.commit.steps import Insert, Key, PlaceHold, Step
from storefront.core.commit.usage import MeterUsage
from storefront.core.errors import NotFound

CUSTOMER = "cus_"
"""How the anchors of customers begin."""


class CustomerErased(NotFound):
    """What somebody wants of a customer who was erased; it looks as if they had never been there."""


@dataclass(frozen=True, slots=True)
class Blanks:
    """How rows of one table are written blank: ``whose`` are the columns that name their customer, if any do."""

    whose: tuple[str, ...]
    blank: Callable[[Row], Row]


@dataclass(slots=True)
class Closed:
    """What erasures close. ``begins`` are the tables in which a new row begins something for a customer."""

    begins: frozenset[str] = frozenset()
    blanks: Mapping[str, Blanks] = field(default_factory=dict)

    def erased_among(self, state: State, anchors: Iterable[str]) -> list[str]:
        """Return which of a plan's customers were erased; their rows are loaded with every plan of theirs."""
        return [one for one in anchors if one.startswith(CUSTOMER) and state.rows.get(("erasures", (one,))) is not None]

    def refuse(self, steps: Iterable[Step]) -> None:
        """Refuse a plan about an erased customer that begins anything; raises ``CustomerErased``."""
        for step in steps:
            if isinstance(step, PlaceHold | MeterUsage) or (isinstance(step, Insert) and step.table in self.begins):
                raise CustomerErased("There is no such customer.")

    def blank(self, state: State, erased: Collection[str], *, before: Collection[Address], since: int) -> None:
        """Blank what a plan about erased customers has written.

        ``before`` are the rows that other plans of the batch had written, ``since`` is how many were appended by then.
        """
        for address in state.dirty:
            row, blanks = state.rows[address], self.blanks.get(address[0])
            if row is None or blanks is None or (not blanks.whose and address in before):
                continue
            if _is_of(row, blanks.whose, erased):
                state.rows[address] = blanks.blank(row)
        for at in range(since, len(state.appended)):
            table, row = state.appended[at]
            blanks = self.blanks.get(table)
            if blanks is not None and _is_of(row, blanks.whose, erased):
                state.appended[at] = (table, blanks.blank(row))


def erasure_of(customer_id: str) -> Key:
    """Name the row that says that a customer was erased."""
    return Key("erasures", (customer_id,), customer_id)


def _is_of(row: Row, whose: tuple[str, ...], erased: Collection[str]) -> bool:
    """Tell whether a row is an erased customer's; one that names nobody is of whoever its plan is about."""
    return not whose or any(row[column] in erased for column in whose)
