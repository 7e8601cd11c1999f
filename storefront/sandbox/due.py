"""What business time will bring: deeds that wait in the emulator's file for their second to come."""

from __future__ import annotations

from storefront.sandbox.world import World


def schedule(world: World, at: int, deed: str, object_id: str) -> None:
    """Let ``deed`` (a name in ``deeds.py``) be done to an object at a Unix second of business time."""
    world.records.connection.execute("INSERT INTO due (at, deed, object_id) VALUES (?, ?, ?)", (at, deed, object_id))


def unschedule(world: World, deed: str, object_id: str) -> None:
    """Forget what was to be done; nothing happens if it was done already."""
    world.records.connection.execute("DELETE FROM due WHERE deed = ? AND object_id = ?", (deed, object_id))


def is_scheduled(world: World, deed: str, object_id: str) -> bool:
    """Whether this deed waits to be done to this object."""
    sql = "SELECT EXISTS (SELECT 1 FROM due WHERE deed = ? AND object_id = ?)"
    return bool(world.records.connection.execute(sql, (deed, object_id)).fetchone()[0])


def take_due(world: World) -> tuple[str, str] | None:
    """The earliest deed whose time has come, with its object's id; taken off the list by asking."""
    row = world.records.connection.execute(
        "SELECT seq, deed, object_id FROM due WHERE at <= ? ORDER BY at, seq LIMIT 1", (world.now,)
    ).fetchone()
    if row is None:
        return None
    world.records.connection.execute("DELETE FROM due WHERE seq = ?", (row[0],))
    return row[1], row[2]


def next_deed(world: World) -> int | None:
    """The Unix second of the earliest deed that waits."""
    row = world.records.connection.execute("SELECT min(at) FROM due").fetchone()
    return None if row[0] is None else int(row[0])
