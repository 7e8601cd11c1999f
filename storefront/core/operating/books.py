"""Whether the books are in order, as the last check found them; the check itself is ``storefront audit verify``."""

from typing import Any

import msgspec
from sqlalchemy import Connection, select

from storefront.core.audit.check import Check
from storefront.core.audit.kinds import Kinds
from storefront.core.audit.report import Report
from storefront.core.audit.verify import Outside, verify_database
from storefront.core.clock import iso
from storefront.core.commit.plan import SHOP_ANCHOR, Insert, Plan
from storefront.core.database import Database, read_setting
from storefront.core.privileged import record_action
from storefront.core.sealing.seals import sealing_state
from storefront.core.services import Services
from storefront.core.tables import seals

SETTING = "books_check"
MOST_TOLD = 20


class Checked(msgspec.Struct, frozen=True):
    """What a check of the books found: when (wall ms), by whom, how many checks ran, and the first violations."""

    at: int
    by: str
    is_deep: bool
    checks: int
    entries: int
    violations: list[tuple[str, str]]

    @property
    def is_clean(self) -> bool:
        return not self.violations


async def last_check(services: Services) -> Checked | None:
    """Return what the last check found; None if the books were never checked from here."""
    kept = await read_setting(services.reader, SETTING)
    return None if kept is None else msgspec.json.decode(kept, type=Checked)


async def check_books(
    services: Services,
    database: Database,
    *,
    actor: str,
    deep: bool,
    kinds: Kinds | None = None,
    checks: tuple[Check, ...] = (),
) -> Checked:
    """Check the books now, keep what was found, and return it. On a large shop this takes its time, in a thread."""
    report = await verify_database(database, deep=deep, outside=Outside(kinds=kinds, checks=checks))
    return await keep_check(services, report, actor=actor, deep=deep)


async def keep_check(services: Services, report: Report, *, actor: str, deep: bool) -> Checked:
    """Keep what a check found, with its audit row."""
    now, wall = services.clock.now(), services.clock.wall()
    told = [(one.check, one.message[:500]) for one in report.violations[:MOST_TOLD]]
    found = Checked(wall, actor, deep, len(report.checks), report.counts.get("entries", 0), told)
    plan = Plan(actor=actor, anchors={SHOP_ANCHOR})
    row = {"key": SETTING, "value": msgspec.json.encode(found).decode()}
    plan.add(Insert("settings", (SETTING,), SHOP_ANCHOR, row, replace=True))
    facts = {"clean": found.is_clean, "deep": deep, "checks": found.checks}
    record_action(plan, "books.checked", actor=actor, about="books", facts=facts, now=now, wall=wall)
    await services.engine.commit(plan)
    return found


async def books_in_short(services: Services) -> dict[str, Any]:
    """Return how many entries there are, how far they are sealed, and the newest seals."""
    async with services.reader.connect() as connection:
        return await connection.run_sync(_in_short)


def _in_short(connection: Connection) -> dict[str, Any]:
    state = sealing_state(connection)
    newest = connection.execute(select(seals).order_by(seals.c.number.desc()).limit(10)).mappings()
    return {
        "entries": state.sealed + state.unsealed,
        "seals": state.seals,
        "sealed": state.sealed,
        "unsealed": state.unsealed,
        "newest": [
            {"number": one["number"], "root": bytes(one["root"]).hex(), "entries": one["entries"],
             "at": iso(one["sealed_at"])}
            for one in newest
        ],
    }  # fmt: skip
