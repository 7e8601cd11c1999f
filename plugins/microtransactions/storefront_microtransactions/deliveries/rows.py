"""A command as a row, as JSON and as an event; its states, and the anchor that it hangs under.

``queued`` waits for a server, ``leased`` is with one, ``done`` was acknowledged, ``dead`` was given up and waits for an
operator, ``canceled`` was taken back before any server had it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.commit.plan import Change, Emit, Key
from storefront.core.reading import Query, Row
from storefront_microtransactions.deliveries.tables import commands

ACTOR = "plugin:microtransactions"
TABLE = "microtransactions_commands"
"""Plain text: the name of the table object is of a type of its own, which cannot be told to other processes."""
QUEUED, LEASED, DONE, DEAD, CANCELED = "queued", "leased", "done", "dead", "canceled"
STATES = (QUEUED, LEASED, DONE, DEAD, CANCELED)
OPEN = (QUEUED, LEASED)
COMMAND = Query(select(commands).where(commands.c.id == bindparam("id")))
OF_PURCHASE = Query(
    select(commands).where(commands.c.purchase_id == bindparam("purchase_id")).order_by(commands.c.position)
)
OF_OPENING = Query(
    select(commands).where(commands.c.opening_id == bindparam("opening_id")).order_by(commands.c.position)
)
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def anchor_of(server: str) -> str:
    """Return the anchor that a server's commands hang under."""
    return f"deliveries:{server}"


def key_of(row: Mapping[str, Any]) -> Key:
    return Key(TABLE, (row["id"],), anchor_of(row["server"]))


def command_id(*parts: str | int) -> str:
    """Return the one id of what is told apart by these parts: an event, a stage, a line, a unit."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    return "dlv_" + "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


def changed(row: Row, now: int, **changes: Any) -> Change:
    """Return the step that changes a command if it still is as it was read."""
    expect = {name: row[name] for name in ("state", "attempts", "lease_id", "updated_at")}
    return Change(TABLE, (row["id"],), anchor_of(row["server"]), expect, {**changes, "updated_at": now})


def told(row: Mapping[str, Any], what: str) -> Emit:
    """Return the step that tells of a command (``delivery.<what>``); nothing personal, so not the command itself."""
    payload = {name: row[name] for name in ("id", "server", "customer_id", "sku", "stage", "state", "attempts")}
    payload |= {"purchase": row["purchase_id"], "opening": row["opening_id"], "event": row["event_id"]}
    return Emit(anchor_of(row["server"]), f"delivery.{what}", row["id"], payload)


def command_json(row: Row) -> dict[str, Any]:
    """Return a command as the server that runs it sees it."""
    return {
        "id": row["id"],
        "server": row["server"],
        "player": row["player"],
        "command": row["command"],
        "online_only": bool(row["online_only"]),
        "stage": row["stage"],
        "sku": row["sku"],
        "purchase": row["purchase_id"],
        "opening": row["opening_id"],
        "event": row["event_id"],
        "attempt": row["attempts"],
        "created_at": iso(row["created_at"]),
    }


def full_json(row: Row) -> dict[str, Any]:
    """Return a command as an operator sees it; ``last_error`` says why it failed, or could not be written."""
    shown = command_json(row)
    del shown["attempt"]
    return {
        **shown,
        "state": row["state"],
        "attempts": row["attempts"],
        "template": row["template"],
        "leased_by": row["leased_by"] if row["state"] == LEASED else None,
        "lease_until": iso(row["lease_until"]) if row["state"] == LEASED else None,
        "due_at": iso(max(row["due_at"], row["retry_at"])),
        "last_error": row["last_error"],
        "canceled_for": row["canceled_for"],
        "resend_of": row["resend_of"],
        "closed_at": None if row["closed_at"] is None else iso(row["closed_at"]),
    }
