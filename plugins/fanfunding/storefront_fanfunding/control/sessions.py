"""How a creator signs in: a link that is good once, which their operator makes, and a session that it opens.

Of both only the SHA-256 is kept, so nobody who reads the database can sign in. A session ends 30 days after it began,
7 days after it was used last, or when the operator ends all of a creator's.
"""

import hmac
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import bindparam, select

from storefront.core.clock import DAY_MS, HOUR_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.errors import Unauthorized
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.tables import invitations, sessions

INVITED_MS, OPEN_MS, IDLE_MS = DAY_MS, 30 * DAY_MS, 7 * DAY_MS
SEEN_EVERY_MS = HOUR_MS
INVITATIONS, SESSIONS = "fanfunding_invitations", "fanfunding_sessions"
_INVITED = Query(select(invitations).where(invitations.c.digest == bindparam("digest")))
_OPEN = Query(select(sessions).where(sessions.c.digest == bindparam("digest")))
_OF_CREATOR = Query(
    select(sessions).where(sessions.c.creator_id == bindparam("creator_id"), sessions.c.ended_at.is_(None))
)
_WAITING = Query(
    select(invitations).where(invitations.c.creator_id == bindparam("creator_id"), invitations.c.used_at.is_(None))
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A code that signs a creator in, once; ``expires_at`` in wall ms."""

    code: str
    expires_at: int


async def invite(services: Services, creator_id: str, *, actor: str) -> Invitation:
    """Make a code that signs a creator in once, within a day; codes of before that nobody has used stop."""
    made = Invitation(f"ctl_{secrets.token_urlsafe(32)}", services.clock.wall() + INVITED_MS)
    anchor, now = _anchor(creator_id), services.clock.now()
    row = {"digest": _digest(made.code), "creator_id": creator_id, "created_at": now,
           "expires_at": made.expires_at, "used_at": None}  # fmt: skip
    plan = Plan(actor=actor, anchors={anchor})
    for one in await services.reader.all(_WAITING, creator_id=creator_id):
        plan.add(Change(INVITATIONS, (one["digest"],), anchor, {"used_at": None}, {"used_at": now}))
    plan.add(Insert(INVITATIONS, (str(row["digest"]),), anchor, row))
    _note(services, plan, "creator.invited", actor, creator_id)
    await services.engine.commit(plan)
    return made


async def sign_in(services: Services, code: str) -> str:
    """Exchange a code for a session's token, which is returned this once; raises ``Unauthorized``."""
    row, wall, now = (
        await services.reader.first(_INVITED, digest=_digest(code)),
        services.clock.wall(),
        services.clock.now(),
    )
    if row is None or row["used_at"] is not None or wall >= row["expires_at"]:
        raise Unauthorized("This sign-in link was used, or is too old. Ask for a new one.")
    token, anchor = secrets.token_urlsafe(32), _anchor(row["creator_id"])
    session = {"digest": _digest(token), "creator_id": row["creator_id"], "created_at": now,
               "expires_at": wall + OPEN_MS, "seen_at": wall, "ended_at": None}  # fmt: skip
    plan = Plan(actor=f"creator:{row['creator_id']}", anchors={anchor})
    plan.add(Change(INVITATIONS, (row["digest"],), anchor, {"used_at": None}, {"used_at": now}))
    plan.add(Insert(SESSIONS, (str(session["digest"]),), anchor, session))
    _note(services, plan, "creator.signed_in", plan.actor, row["creator_id"])
    try:
        await services.engine.commit(plan)
    except Stale as error:
        raise Unauthorized("This sign-in link was just used. Ask for a new one.") from error
    return token


async def session_of(services: Services, token: str | None) -> Row | None:
    """Return the session that a browser's token opens, if it is still good; now and then note that it is used."""
    if not token or not token.isascii():
        return None
    row, wall = await services.reader.first(_OPEN, digest=_digest(token)), services.clock.wall()
    if row is None or row["ended_at"] is not None or wall >= min(row["expires_at"], row["seen_at"] + IDLE_MS):
        return None
    if wall >= row["seen_at"] + SEEN_EVERY_MS:
        anchor = _anchor(row["creator_id"])
        plan = Plan(actor=f"creator:{row['creator_id']}", anchors={anchor})
        plan.add(Change(SESSIONS, (row["digest"],), anchor, {"seen_at": row["seen_at"]}, {"seen_at": wall}))
        with suppress(Stale):  # another tab has just noted it
            await services.engine.commit(plan)
    return row


async def sign_out(services: Services, session: Row) -> None:
    """End a session. Safe to repeat."""
    await _end(services, session["creator_id"], [session], actor=f"creator:{session['creator_id']}")


async def end_all(services: Services, creator_id: str, *, actor: str) -> int:
    """End all of a creator's sessions, and codes that nobody has used; return how many sessions that were."""
    rows = await services.reader.all(_OF_CREATOR, creator_id=creator_id)
    await _end(services, creator_id, rows, actor=actor, is_all=True)
    return len(rows)


async def _end(services: Services, creator_id: str, rows: Sequence[Row], *, actor: str, is_all: bool = False) -> None:
    anchor, now = _anchor(creator_id), services.clock.now()
    plan = Plan(actor=actor, anchors={anchor})
    for row in rows:
        plan.add(Change(SESSIONS, (row["digest"],), anchor, {}, {"ended_at": now}))
    for one in await services.reader.all(_WAITING, creator_id=creator_id) if is_all else ():
        plan.add(Change(INVITATIONS, (one["digest"],), anchor, {}, {"used_at": now}))
    _note(services, plan, "creator.signed_out", actor, creator_id)
    await services.engine.commit(plan)


def form_secret(token: str) -> str:
    """Return what a session's forms carry: nobody else can make it, and it opens nothing by itself."""
    return hmac.digest(token.encode(), b"creator form", "sha256").hex()


def _note(services: Services, plan: Plan, action: str, actor: str, creator_id: str) -> None:
    now, wall = services.clock.now(), services.clock.wall()
    record_action(plan, action, actor=actor, about=creator_id, facts={}, now=now, wall=wall)


def _anchor(creator_id: str) -> str:
    return f"fanfunding:control:{creator_id}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
