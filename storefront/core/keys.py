"""API keys in the books: made, listed and revoked, each act with its audit row."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.api_keys import KeyHasher, KeyKind, KeyRecord, NewKey, key_fingerprint
from storefront.core.clock import Clock, iso
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import SHOP_ANCHOR, Change, Claim, Insert, Plan
from storefront.core.errors import FieldError, Invalid, NotFound
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Reader, Row
from storefront.core.redaction import redact_text
from storefront.core.tables import api_keys

_BY_ID = Query(select(api_keys).where(api_keys.c.id == bindparam("id")))
_ALL = Query(select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id))


class Keys:
    """The keys of one shop, all in memory: every request is asked about one, and there are few.

    A process that makes or revokes a key reads them anew before it answers; the others follow within a second.
    """

    def __init__(self, reader: Reader, engine: CommitEngine, clock: Clock, hasher: KeyHasher) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._hasher = hasher
        self._known: dict[str, KeyRecord] = {}

    def find(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key, also of a dead one, or None."""
        return self._known.get(key_id)

    async def refresh(self) -> None:
        """Read all keys anew; called at start, and when some process changed one."""
        self._known = {row["id"]: _record(row) for row in await self._reader.all(_ALL)}

    async def create(
        self, kind: KeyKind, *, name: str, scopes: Sequence[str], expires_at: int | None, actor: str, form: str = ""
    ) -> NewKey:
        """Make a key; its plaintext is never seen again. ``form`` is a secret of what asks for one: it makes one.

        Raises:
            Invalid: a name that cannot be shown, or a form that was sent already.
        """
        if not name.strip() or not name.isprintable():
            raise Invalid("A key's name is printable text.", errors=[FieldError("/name", "must be printable text")])
        made = self._hasher.make_key(kind, scopes=frozenset(scopes), expires_at=expires_at)
        record = made.record
        plan = Plan(actor=actor, anchors={SHOP_ANCHOR})
        row = {
            "id": record.key_id,
            "kind": str(kind),
            "name": name,
            "hash": record.digest,
            "scopes": msgspec.json.encode(sorted(scopes)).decode(),
            "created_at": self._clock.wall(),
            "expires_at": expires_at,
            "revoked_at": None,
        }
        plan.add(Insert("api_keys", (record.key_id,), SHOP_ANCHOR, row))
        fingerprint = key_fingerprint(str(kind), name, record.digest, scopes, expires_at)
        facts = {"kind": str(kind), "scopes": sorted(scopes), "fingerprint": fingerprint}
        self._add_audit(plan, actor, "key.created", record.key_id, facts)
        if form:
            plan.add(Claim(f"key_form:{actor}:{form}", record.key_id))
        try:
            await self._engine.commit(plan)
        except Taken as taken:
            lost = "Its key was made already, and is shown once. If you have not copied it, retire it and make another."
            raise Invalid(f"This form was sent before. {lost}") from taken
        await self.refresh()
        return made

    async def revoke(self, key_id: str, *, actor: str, reason: str = "") -> None:
        """Make a key useless at once, for a reason that is kept; raises ``NotFound``. Safe to call twice."""
        row = await self._reader.first(_BY_ID, id=key_id)
        if row is None:
            raise NotFound("There is no such key.")
        if row["revoked_at"] is not None:
            return
        plan = Plan(actor=actor, anchors={SHOP_ANCHOR})
        changes = {"revoked_at": self._clock.wall()}
        plan.add(Change("api_keys", (key_id,), SHOP_ANCHOR, {"revoked_at": None}, changes))
        self._add_audit(plan, actor, "key.revoked", key_id, {"reason": redact_text(reason)} if reason else {})
        with suppress(Stale):  # somebody else revoked it at this very moment
            await self._engine.commit(plan)
        await self.refresh()

    async def all(self) -> list[dict[str, Any]]:
        """Return every key as JSON, newest first, without what would let one use it."""
        return [_shown(row) for row in await self._reader.all(_ALL)]

    def _add_audit(self, plan: Plan, actor: str, action: str, about: str, facts: Mapping[str, Any]) -> None:
        now, wall = self._clock.now(), self._clock.wall()
        record_action(plan, action, actor=actor, about=about, facts=facts, now=now, wall=wall)
        plan.emit(action, anchor=SHOP_ANCHOR, subject=about, payload={"id": about, "actor": actor})


def _record(row: Row) -> KeyRecord:
    scopes = frozenset(msgspec.json.decode(row["scopes"], type=list[str]))
    kind = KeyKind(row["kind"])
    return KeyRecord(row["id"], kind, row["hash"], scopes, row["expires_at"], row["revoked_at"])


def _shown(row: Row) -> dict[str, Any]:
    def when(name: str) -> str | None:
        return None if row[name] is None else iso(row[name])

    return {
        "id": row["id"],
        "kind": KeyKind(row["kind"]).name.lower(),
        "name": row["name"],
        "scopes": msgspec.json.decode(row["scopes"]),
        "created_at": when("created_at"),
        "expires_at": when("expires_at"),
        "revoked_at": when("revoked_at"),
    }
