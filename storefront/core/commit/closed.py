"""Customers who were erased: nothing begins for them any more, and what is still written about them is written blank.

That somebody was erased is a row that every plan of theirs loads, so no plan that was decided before an erasure slips
past it, in whichever process it was made. What goes on is what must: a dispute about what they once paid, a refund.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from storefront.core.commit.merging import MergeCustomer
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

    def erased_among(self, state: State, customers: Iterable[str]) -> frozenset[str]:
        """Return which of a plan's customers were erased; their rows are loaded with every plan of theirs."""
        return frozenset(one for one in customers if state.rows.get(("erasures", (one,))) is not None)

    def refuse(self, steps: Iterable[Step], erased: Collection[str]) -> None:
        """Refuse steps that begin anything for an erased customer; raises ``CustomerErased``.

        What the same plan begins for others, such as the reward of whoever they invited, is none of theirs.
        """
        for step in steps:
            if any(one in erased for one in self._begun_for(step)):
                raise CustomerErased("There is no such customer.")

    def _begun_for(self, step: Step) -> Iterable[Any]:
        if isinstance(step, PlaceHold | MeterUsage):
            return (step.customer_id,)
        if isinstance(step, MergeCustomer):
            return (step.source_id, step.target_id)
        return step.row.values() if isinstance(step, Insert) and step.table in self.begins else ()

    def blank(self, state: State, erased: Collection[str], written: "Written", *, is_theirs: bool) -> None:
        """Blank what a plan has written about erased customers.

        Rows that name nobody are theirs if the plan is about nobody else (``is_theirs``), or if words of theirs came
        with it.
        """
        named = [one for one in written.of(state, self.blanks) if one.is_of(erased)]
        changed = [one.blank(state) for one in named]
        if is_theirs or any(changed):
            for one in written.of(state, self.blanks):
                if not one.blanks.whose:
                    one.blank(state)


def erasure_of(customer_id: str) -> Key:
    """Name the row that says that a customer was erased."""
    return Key("erasures", (customer_id,), customer_id)


@dataclass(frozen=True, slots=True)
class _Place:
    """A row that a plan has written: by its address, or by its place among those that were appended."""

    at: Address | int
    row: Row
    blanks: Blanks

    def is_of(self, erased: Collection[str]) -> bool:
        return any(self.row[column] in erased for column in self.blanks.whose)

    def blank(self, state: State) -> bool:
        """Blank the row; tell whether there was anything to blank."""
        after = self.blanks.blank(self.row)
        if after == self.row:
            return False
        if isinstance(self.at, int):
            state.appended[self.at] = (state.appended[self.at][0], after)
        else:
            state.rows[self.at] = after
        return True


class Written:
    """What one plan of a batch writes: it is made before the plan is applied, and asked afterwards."""

    def __init__(self, state: State) -> None:
        self._before = {address: state.rows[address] for address in state.dirty}
        self._since = len(state.appended)

    def of(self, state: State, blanks: Mapping[str, Blanks]) -> Iterator[_Place]:
        """Yield the rows that the plan has written in tables that hold words of people."""
        for address in list(state.dirty):
            row = state.rows[address]
            if row is not None and address[0] in blanks and self._before.get(address) is not row:
                yield _Place(address, row, blanks[address[0]])
        for at in range(self._since, len(state.appended)):
            table, row = state.appended[at]
            if table in blanks:
                yield _Place(at, row, blanks[table])
