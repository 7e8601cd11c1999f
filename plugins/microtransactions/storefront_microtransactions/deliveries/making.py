"""From an event to commands: made once, in the commit that claims the event, or canceled by what undoes it.

They follow events instead of standing in the purchase's own plan, for three reasons: any kind of offer of any plugin
can have them, a purchase waits for nothing that concerns a game server, and a refund, a dispute or a grant needs no
line of its own. What makes them exact is the claim: an event that is told twice finds it taken.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from storefront.core.alarms import add_alarm
from storefront.core.clock import SECOND_MS
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import Claim, Insert, Plan
from storefront.core.errors import Unavailable
from storefront.core.events import Event
from storefront.core.ids import is_id
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_microtransactions.deliveries.config import (
    ON_CHARGEBACK,
    ON_DISPUTE_WON,
    ON_PURCHASE,
    ON_REFUND,
    DeliveryConfig,
    Template,
    templates_of,
)
from storefront_microtransactions.deliveries.expiring import order_expiry
from storefront_microtransactions.deliveries.happening import Happening, happening_of
from storefront_microtransactions.deliveries.ordering import MOST_IN_ORDER
from storefront_microtransactions.deliveries.pieces import Piece
from storefront_microtransactions.deliveries.rows import (
    ACTOR,
    CANCELED,
    DEAD,
    OF_OPENING,
    OF_PURCHASE,
    QUEUED,
    TABLE,
    anchor_of,
    changed,
    command_id,
    told,
)
from storefront_microtransactions.deliveries.templates import UnsafeValue, Values, render

MOST_UNITS = 1000
TIMES_DECIDED = 20
ALARM = "delivery_dead"
Place = tuple[str | None, str, str]
"""(purchase or opening, SKU, server): whose commands are undone, or sent, together."""
_GIVING, _TAKING = (ON_PURCHASE, ON_DISPUTE_WON), (ON_REFUND, ON_CHARGEBACK)


async def make_commands(services: Services, config: DeliveryConfig, event: Event) -> None:
    """Write the commands that an event means, once, however often it is told.

    Raises:
        Unavailable: too much was changing at once; the event is told again.
    """
    happening = await happening_of(services, event)
    if happening is None:
        return
    for _ in range(TIMES_DECIDED):
        plan = Plan(actor=ACTOR)
        await _decide(services, config, happening, plan)
        if not plan.list:
            return
        plan.list.insert(0, Claim(f"delivery:{event.id}", event.subject))
        try:
            await services.engine.commit(plan)
        except Taken:
            return  # it was told before
        except Stale:
            continue  # a server got one of the commands that were to be canceled
        return
    raise Unavailable("Too much is changing at once; the event is told again.")


async def _decide(services: Services, config: DeliveryConfig, happening: Happening, plan: Plan) -> None:
    now, settled = services.clock.now(), frozenset[Place]()
    if happening.takes or happening.gives_back:
        rows = await _made_before(services, happening.pieces)
        settle = _undo_taking if happening.gives_back else _undo_giving
        settled = settle(plan, rows, happening, now)
    written = _written(config, happening, now, settled)
    for number, row in enumerate(written):
        _add(services, plan, {**row, "position": happening.position + min(number, MOST_IN_ORDER)})
    if happening.stage == ON_PURCHASE and not happening.gives_back:
        for piece in happening.pieces:
            await order_expiry(services, plan, happening.customer_id, piece)


async def _made_before(services: Services, pieces: Iterable[Piece]) -> Sequence[Row]:
    """Return the commands that what gave some pieces has made, and what undid it, in their order."""
    found: list[Row] = []
    for source in dict.fromkeys(piece.source for piece in pieces):
        found += await services.reader.all(OF_PURCHASE, purchase_id=source)
        found += await services.reader.all(OF_OPENING, opening_id=source)
    return found


def _undo_giving(plan: Plan, rows: Sequence[Row], happening: Happening, now: int) -> frozenset[Place]:
    """Cancel what no server has had of what is taken back whole; return the places that need not be told."""
    whole = {(piece.source, piece.offer.sku) for piece in happening.pieces if piece.is_whole}
    given = [row for row in rows if row["stage"] in _GIVING and _place_of(row)[:2] in whole]
    _cancel(plan, given, str(happening.reversal_id), now)
    return _untouched(given)


def _undo_taking(plan: Plan, rows: Sequence[Row], happening: Happening, now: int) -> frozenset[Place]:
    """Undo a reversal that ended: what it canceled waits again, and what it wanted is canceled if no server had it."""
    revived = [row for row in rows if row["state"] == CANCELED and row["canceled_for"] == happening.reversal_id]
    for row in revived:
        again = {"state": QUEUED, "canceled_for": None, "closed_at": None}
        plan.anchors.add(anchor_of(row["server"]))
        plan.add(changed(row, now, **again), told({**row, **again}, "queued"))
    taking = [row for row in rows if row["stage"] in _TAKING and row["reversal_id"] == happening.reversal_id]
    untouched = _untouched(taking)
    # Where a server had some of them, as of units that were claimed later, the rest comes: all of it is given back.
    _cancel(plan, [row for row in taking if _place_of(row) in untouched], happening.event.id, now)
    return untouched | frozenset(map(_place_of, revived))


def _cancel(plan: Plan, rows: Iterable[Row], because_of: str, now: int) -> None:
    for row in rows:
        if row["state"] == QUEUED and row["attempts"] == 0:
            over = {"state": CANCELED, "canceled_for": because_of, "closed_at": now}
            plan.anchors.add(anchor_of(row["server"]))
            plan.add(changed(row, now, **over), told({**row, **over}, "canceled"))


def _untouched(rows: Sequence[Row]) -> frozenset[Place]:
    """Return the places that have commands among these of which no server was handed any."""
    touched = {_place_of(row) for row in rows if row["attempts"] > 0}
    return frozenset(map(_place_of, rows)) - touched


def _place_of(row: Row) -> Place:
    return row["purchase_id"] or row["opening_id"], row["sku"], row["server"]


def _written(
    config: DeliveryConfig, happening: Happening, now: int, settled: frozenset[Place]
) -> Iterator[dict[str, Any]]:
    """Yield the commands of all pieces in the order in which a server gets them."""
    for piece in happening.pieces:
        for template in templates_of(piece.offer, happening.stage):
            if (piece.source, piece.offer.sku, template.server) not in settled:
                yield from _rows(config, happening, piece, template, now)


def _rows(
    config: DeliveryConfig, happening: Happening, piece: Piece, template: Template, now: int
) -> Iterator[dict[str, Any]]:
    if not template.is_per_unit:
        yield _row(config, happening, piece, template, now, units=piece.quantity)
        return
    if piece.quantity > MOST_UNITS:
        error = f"{piece.quantity} units are more than {MOST_UNITS} commands; use {{quantity}} instead of per_unit"
        yield _row(config, happening, piece, template, now, units=piece.quantity, error=error)
        return
    for unit in range(piece.quantity):
        yield _row(config, happening, piece, template, now, units=1, unit=unit)


def _texts(happening: Happening, piece: Piece, units: int) -> dict[str, str]:
    """Return what templates may name."""
    return {
        **piece.given,
        "player": happening.player,
        "customer_id": happening.customer_id,
        "sku": piece.offer.sku,
        "quantity": str(units),
        "event": happening.event.id,
        "stage": happening.stage,
        **({} if piece.source is None else {"purchase": piece.source}),
    }


def _row(
    config: DeliveryConfig,
    happening: Happening,
    piece: Piece,
    template: Template,
    now: int,
    *,
    units: int,
    unit: int = 0,
    error: str | None = None,
) -> dict[str, Any]:
    """Return one command; one that cannot be written safely is dead from the beginning, and says why."""
    event, source, command = happening.event, piece.source or "", None
    if error is None:
        try:
            command = render(template.command, Values(_texts(happening, piece, units), config.patterns))
        except UnsafeValue as unsafe:
            error = f"The command cannot be written: {unsafe}."
    due_at = event.occurred_at + template.delay_seconds * SECOND_MS
    return {
        "id": command_id(event.id, happening.stage, source, piece.offer.sku, template.line, unit),
        "server": template.server,
        "customer_id": happening.customer_id,
        "player": happening.player,
        "event_id": event.id,
        "purchase_id": source if is_id(source, "pur") else None,
        "opening_id": source if is_id(source, "open") else None,
        "reversal_id": happening.reversal_id,
        "sku": piece.offer.sku,
        "stage": happening.stage,
        "template": template.command,
        "command": command,
        "online_only": int(template.is_online_only),
        "state": DEAD if command is None else QUEUED,
        "due_at": due_at,
        "retry_at": due_at,
        "attempts": 0,
        "lease_id": None,
        "leased_by": None,
        "lease_until": 0,
        "last_error": error,
        "canceled_for": None,
        "resend_of": None,
        "created_at": now,
        "updated_at": now,
        "closed_at": now if command is None else None,
    }


def _add(services: Services, plan: Plan, row: Mapping[str, Any]) -> None:
    plan.anchors.add(anchor_of(row["server"]))
    plan.add(Insert(TABLE, (row["id"],), anchor_of(row["server"]), row), told(row, str(row["state"])))
    if row["state"] == DEAD:
        add_alarm(services, plan, ALARM, row["id"], {"server": row["server"], "error": row["last_error"]})
