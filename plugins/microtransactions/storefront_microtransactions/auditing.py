"""What ``audit verify --deep`` checks of openings: each draw is computed again, and all together fit the odds.

The odds are read from the stored catalog versions, apart from the code that drew by them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from storefront.core.audit import Check, Violation
from storefront.core.tables import catalog_versions, item_movements
from storefront_microtransactions.chi_square import p_value
from storefront_microtransactions.containers import Container, Gave
from storefront_microtransactions.drawing import Run, commitment_of, draw
from storefront_microtransactions.tables import openings, seeds

DRAWS, ODDS = "microtransactions-draws", "microtransactions-odds"
IMPROBABLE = 1e-6
MOST_COMPUTED = 100_000
_PAGE = 300
_Drawn = msgspec.json.Decoder(list[tuple[int, int | None]])
_Gave = msgspec.json.Decoder(Gave)


class _Offer(msgspec.Struct):
    part: dict[str, Any] = {}


class _Document(msgspec.Struct):
    offers: dict[str, _Offer] = {}


class _Containers:
    """The containers of stored catalog versions, each read when it is first asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._versions: dict[str, dict[str, _Offer]] = {}

    def find(self, version: str, sku: str) -> Container | None:
        if version not in self._versions:
            statement = select(catalog_versions.c.document).where(catalog_versions.c.hash == version)
            document = self._connection.execute(statement).scalar()
            found = {} if document is None else msgspec.json.decode(document, type=_Document).offers
            self._versions[version] = found
        offer = self._versions[version].get(sku)
        return Container.read(sku, offer.part) if offer is not None and "drops" in offer.part else None


def draws_are_what_their_seeds_say(connection: Connection) -> Iterator[Violation]:
    """Each opening kept its commitment, follows the one before, drew what its seed says, and gave what it says.

    Of more than ``MOST_COMPUTED`` openings, every n-th draw is computed again; the chain is followed through all.
    """
    containers = _Containers(connection)
    count = connection.execute(select(func.count()).select_from(openings)).scalar_one()
    every = max(1, -(-count // MOST_COMPUTED))
    ordered = select(openings).order_by(openings.c.customer_id, openings.c.sku, openings.c.number)
    rows = iter(connection.execute(ordered, execution_options={"yield_per": _PAGE}))
    before: Row[Any] | None = None
    at = 0
    while page := list(islice(rows, _PAGE)):
        yield from _gave_what_they_say(connection, page)
        for row in page:
            follows = before is not None and (before.customer_id, before.sku) == (row.customer_id, row.sku)
            for fault in _chain_faults(row, before if follows else None):
                yield Violation(DRAWS, (row.id,), f"opening {row.id} {fault}")
            fault = _draw_fault(row, containers) if at % every == 0 else ""
            if fault:
                yield Violation(DRAWS, (row.id,), f"opening {row.id} {fault}")
            before, at = row, at + 1
    yield from _next_ones(connection)


def _chain_faults(row: Row[Any], before: Row[Any] | None) -> Iterator[str]:
    if commitment_of(bytes.fromhex(row.seed)) != row.commitment:
        yield f"reveals a seed that is not the one committed to ({row.commitment})"
    due = 1 if before is None else before.number + 1
    if row.number != due:
        yield f"is number {row.number} of {row.sku} of {row.customer_id}, after {due - 1} of them"
    elif before is not None and before.next_commitment != row.commitment:
        yield f"drew by {row.commitment}, but {before.next_commitment} was committed to"


def _draw_fault(row: Row[Any], containers: _Containers) -> str:
    container = containers.find(row.odds_version, row.sku)
    if container is None:
        return f"names odds of {row.sku} in {row.odds_version}, which are not stored"
    run = Run(row.run_key, row.run_times)
    found, _ = draw(bytes.fromhex(row.seed), row.client_seed, row.number, container.table, run)
    due = [(one.drop, one.left_out) for one in found]
    told = _Drawn.decode(row.drawn)
    return "" if told == due else f"says that it drew {told}, its seed says {due}"


def _gave_what_they_say(connection: Connection, page: Sequence[Row[Any]]) -> Iterator[Violation]:
    moved: Counter[tuple[str, str]] = Counter()
    statement = select(item_movements.c.about, item_movements.c.sku, item_movements.c.quantity).where(
        item_movements.c.about.in_([row.id for row in page]), item_movements.c.cause == "granted"
    )
    for about, sku, quantity in connection.execute(statement):
        moved[about, sku] += quantity
    for row in page:
        gave = _Gave.decode(row.gave)
        moved.subtract({(row.id, sku): one.quantity for sku, one in gave.items.items()})
    for (opening_id, sku), difference in moved.items():
        if difference:
            message = f"opening {opening_id} gave {difference} {sku} more than it says"
            yield Violation(DRAWS, (opening_id,), message)


def _next_ones(connection: Connection) -> Iterator[Violation]:
    """The next seed of each customer and container is the one that their last opening committed to."""
    last = (
        select(openings.c.customer_id, openings.c.sku, func.max(openings.c.number).label("number"))
        .group_by(openings.c.customer_id, openings.c.sku)
        .subquery("last")
    )
    same = (openings.c.customer_id == last.c.customer_id) & (openings.c.sku == last.c.sku)
    statement = (
        select(openings.c.id, openings.c.number, openings.c.next_commitment, seeds.c.commitment,
               seeds.c.number.label("next_number"))
        .join(last, same & (openings.c.number == last.c.number))
        .join(seeds, (seeds.c.customer_id == openings.c.customer_id) & (seeds.c.sku == openings.c.sku), isouter=True)
    )  # fmt: skip
    for row in connection.execute(statement):
        if (row.next_number, row.commitment) != (row.number + 1, row.next_commitment):
            message = (
                f"opening {row.id} committed to {row.next_commitment} for number {row.number + 1}, but "
                f"{row.commitment} waits as number {row.next_number}"
            )
            yield Violation(DRAWS, (row.id,), message)


def draws_fit_the_odds(connection: Connection) -> Iterator[Violation]:
    """All draws of one container and version, by the whole table, are as likely as its weights say (p ≥ 10⁻⁶).

    Draws that left out what ``max_repeats`` forbade went by another table; they are judged one by one, by their seeds.
    """
    containers = _Containers(connection)
    columns = (openings.c.sku, openings.c.odds_version, openings.c.drawn)
    ordered = select(*columns).order_by(openings.c.sku, openings.c.odds_version)
    rows = connection.execute(ordered, execution_options={"yield_per": _PAGE})
    for (sku, version), several in groupby(rows, key=lambda row: (row.sku, row.odds_version)):
        container = containers.find(version, sku)
        if container is None:
            continue  # the other check says so
        counts = [0] * len(container.drops)
        for row in several:
            for drop, left_out in _Drawn.decode(row.drawn):
                if left_out is None and drop < len(counts):
                    counts[drop] += 1
        p = p_value(counts, container.table.weights)
        if p < IMPROBABLE:
            message = (
                f"{sum(counts)} draws of {sku} by the odds of {version} came up as {counts}, with weights "
                f"{list(container.table.weights)}: so far off is one in {1 / max(p, 1e-300):.3g}"
            )
            yield Violation(ODDS, (sku, version), message)


CHECKS = (
    Check(
        DRAWS, "Every draw of a container is what its revealed seed says (every n-th, of more than 100,000)",
        draws_are_what_their_seeds_say,
    ),
    Check(ODDS, "Draws of containers are as likely as their published odds", draws_fit_the_odds),
)  # fmt: skip
