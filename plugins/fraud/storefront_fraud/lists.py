"""Lists: what the YAML says for good, and what is put on them while the shop runs, for a while or until removed."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, or_, select

from storefront.core.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, iso
from storefront.core.commit.engine import CommitNotice
from storefront.core.commit.plan import Insert, Plan, Steps
from storefront.core.errors import FieldError, Invalid, NotFound
from storefront.core.privileged import record_action
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_fraud.config import Settings
from storefront_fraud.expressions import Membership
from storefront_fraud.tables import LIST_ENTRIES, list_entries

_UNITS = {"s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_OF_LIST = Query(
    select(list_entries).where(list_entries.c.list == bindparam("list")).order_by(list_entries.c.value).limit(10_000)
)


class UnknownList(NotFound):
    code = "unknown_list"
    title = "There is no such list"


class Lists:
    """All lists of one shop, held in memory; what any process puts on one is read anew when its commit is heard of."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._written = settings.lists
        self._held: Mapping[str, Mapping[str, int | None]] | None = None
        self._heard = 0

    def on_commit(self, notice: CommitNotice) -> None:
        # An erasure drops rows, of which no commit tells.
        if LIST_ENTRIES in notice.tables or "erasures" in notice.tables:
            self._held = None
            self._heard += 1

    async def answers(self, asked: Sequence[Membership], values: Mapping[str, Any], now: int) -> dict[str, bool]:
        """Answer questions to lists about the values of a purchase; of what has no value nothing is said."""
        at_hand = self.at_hand(asked, values, now)
        if at_hand is not None:
            return at_hand
        heard, held = self._heard, await self._read(now)
        if heard == self._heard:  # else what was read is older than what was put on a list meanwhile
            self._held = held
        return _answers(held, asked, values, now)

    def at_hand(self, asked: Sequence[Membership], values: Mapping[str, Any], now: int) -> dict[str, bool] | None:
        """Answer at once, as ``answers`` does; None: the lists have to be read first."""
        return None if self._held is None else _answers(self._held, asked, values, now)

    async def _read(self, now: int) -> dict[str, dict[str, int | None]]:
        """Return list -> value -> when it ends; None: never, as what the YAML says does."""
        is_open = or_(list_entries.c.expires_at.is_(None), list_entries.c.expires_at > now)
        found: dict[str, dict[str, int | None]] = {name: {} for name in self._written}
        for row in await self._services.reader.scan(select(list_entries).where(is_open)):
            found.setdefault(row["list"], {})[row["value"]] = row["expires_at"]
        return {name: {**added, **dict.fromkeys(self._written.get(name, ()))} for name, added in found.items()}


def _answers(
    held: Mapping[str, Mapping[str, int | None]], asked: Sequence[Membership], values: Mapping[str, Any], now: int
) -> dict[str, bool]:
    found = {}
    for one in asked:
        value = values.get(one.attribute)
        if value is not None:
            ends = held[one.list].get(value, 0)
            found[one.name] = ends is None or ends > now
    return found


def duration_of(text: str) -> int:
    """Read ``90m``, ``12h`` or ``30d`` in ms; raises ``Invalid``."""
    unit = _UNITS.get(text[-1:])
    if unit is None or not (text[:-1].isascii() and text[:-1].isdigit() and 0 < len(text) < 8) or int(text[:-1]) == 0:
        wrong = "must be a whole number with a unit, like 90m, 12h or 30d"
        raise Invalid(f"{text} is no duration.", errors=[FieldError("/for", wrong)])
    return int(text[:-1]) * unit


def anchor_of(name: str) -> str:
    return f"fraud:list:{name}"


def put_on(steps: Steps, name: str, value: str, *, reason: str, actor: str, now: int, expires_at: int | None) -> None:
    """Put a value on a list; one that is on it already stays until the new end."""
    row = {"list": name, "value": value, "reason": reason, "actor": actor, "created_at": now, "expires_at": expires_at}
    steps.add(Insert(LIST_ENTRIES, (name, value), anchor_of(name), row, replace=True))


async def add_to_list(
    services: Services, settings: Settings, name: str, values: Sequence[str], *, reason: str, actor: str,
    for_ms: int | None,
) -> dict[str, Any]:  # fmt: skip
    """Put values on a list, for a while or until they are removed; return the list. Raises ``UnknownList``."""
    _need(settings, name)
    now = services.clock.now()
    plan = Plan(actor=actor, anchors={anchor_of(name)})
    for value in dict.fromkeys(values):
        expires_at = None if for_ms is None else now + for_ms
        put_on(plan, name, value, reason=reason, actor=actor, now=now, expires_at=expires_at)
    facts = {"values": len(values), "reason": reason}
    record_action(plan, "fraud.list_added", actor=actor, about=name, facts=facts, now=now, wall=services.clock.wall())
    await services.engine.commit(plan)
    return await show_list(services, settings, name)


async def remove_from_list(
    services: Services, settings: Settings, name: str, values: Sequence[str], *, actor: str
) -> dict[str, Any]:
    """Take values off a list; what the YAML says stays on it. Raises ``UnknownList``."""
    _need(settings, name)
    now, wall = services.clock.now(), services.clock.wall()
    plan = Plan(actor=actor, anchors={anchor_of(name)})
    for value in dict.fromkeys(values):
        # Its row stays for a day: a commit tells of rows that it writes, not of those that it drops.
        put_on(plan, name, value, reason="removed", actor=actor, now=now, expires_at=now)
    facts = {"values": len(values)}
    record_action(plan, "fraud.list_removed", actor=actor, about=name, facts=facts, now=now, wall=wall)
    await services.engine.commit(plan)
    return await show_list(services, settings, name)


async def show_list(services: Services, settings: Settings, name: str) -> dict[str, Any]:
    """Return what is on a list now. Raises ``UnknownList``."""
    _need(settings, name)
    now = services.clock.now()
    written = [{"value": value, "reason": "in the configuration", "actor": "config", "created_at": None,
                "expires_at": None} for value in sorted(settings.lists[name])]  # fmt: skip
    added = [
        {
            "value": row["value"],
            "reason": row["reason"],
            "actor": row["actor"],
            "created_at": iso(row["created_at"]),
            "expires_at": None if row["expires_at"] is None else iso(row["expires_at"]),
        }
        for row in await services.reader.all(_OF_LIST, list=name)
        if row["expires_at"] is None or row["expires_at"] > now
    ]
    return {"list": name, "data": [*written, *added]}


async def show_lists(services: Services, settings: Settings) -> dict[str, Any]:
    """Return all lists, and how many values are on each."""
    shown = [await show_list(services, settings, name) for name in sorted(settings.lists)]
    return {"data": [{"list": one["list"], "values": len(one["data"])} for one in shown]}


def _need(settings: Settings, name: str) -> None:
    if name not in settings.lists:
        raise UnknownList(f"There is no list {name}; there are {', '.join(sorted(settings.lists))}.")
