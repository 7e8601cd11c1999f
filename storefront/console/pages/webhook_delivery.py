"""One delivery of a webhook: in a list, what was answered last and when it is tried next; by itself, every attempt."""

from collections.abc import Mapping
from typing import Any

from storefront.console.words import at, spoken
from storefront.panels import Cell, Column, Field, Form, Line, Lines, Link, PageView, Row, Table, Tone

DELIVERIES = (
    Column("When"),
    Column("Event"),
    Column("Attempts", is_number=True),
    Column("Last answer"),
    Column("Next try"),
    Column("State"),
)
_TONES = {"delivered": Tone.GOOD, "waiting": Tone.PLAY, "dead": Tone.BAD}
_STATES = {"delivered": "Delivered", "waiting": "Waiting", "dead": "Given up"}


def delivery_row(told: Mapping[str, Any], last: Mapping[str, Any] | None, here: str, *, may_write: bool) -> Row:
    """Return a delivery as a row under ``DELIVERIES``; ``last`` is its last attempt, ``here`` its endpoint's page."""
    cells = (
        Cell.when(at(told["created_at"])),
        Cell(told["type"], is_strong=True, hint=told["event"]),
        Cell(str(told["attempts"])),
        Cell("–" if last is None else answer_words(last), is_long=True),
        Cell.when(at(told["due_at"])),
        _badge(told["state"]),
    )
    which = (Field("event", "event", "hidden", value=told["event"]),)
    acts = [Form(f"{here}/again", "Send again", which)] if may_write else ()
    return Row(cells, url=f"{here}/deliveries/{told['event']}", acts=acts)


def delivery_view(told: Mapping[str, Any], endpoint: str, here: str) -> PageView:
    """Return the page of a delivery, its attempts newest first."""
    facts = [
        Line("Endpoint", endpoint, url=here, is_name=True),
        Line("Event", told["event"]),
        Line.when("Happened", at(told["created_at"])),
        Line("Attempts", f"{told['attempts']:,}"),
        Line.when("Next try", at(told["due_at"])),
        Line.when("Closed", at(told["closed_at"])),
    ]
    rows = [
        Row(
            (
                Cell.when(at(one["at"])),
                Cell(answer_words(one), is_name=True),
                Cell("–" if one["latency_ms"] is None else f"{one['latency_ms']:,} ms"),
                Cell(one["excerpt"] or "–", is_long=True),
            )
        )
        for one in told["history"][::-1]
    ]
    columns = (Column("When"), Column("Answer"), Column("Took", is_number=True), Column("It said"))
    table = Table("Attempts", columns, rows, empty="It was not tried yet.")
    lines = Lines("Delivery", facts, badge=_badge(told["state"]))
    return PageView(told["type"], [lines, table], hint="Delivery", back=Link("Endpoint", here))


def answer_words(attempt: Mapping[str, Any]) -> str:
    """Word what came of an attempt: ``500``, or why nothing was answered."""
    if attempt["status"] is None:
        return str(attempt["error"] or "no answer")
    return f"Answered {attempt['status']}"


def _badge(state: str) -> Cell:
    return Cell(_STATES.get(state, spoken(state)), tone=_TONES.get(state, Tone.PLAIN))
