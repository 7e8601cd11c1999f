"""What an overlay is opened with: one token per creator, and the short-lived tickets that it is exchanged for.

A token has 256 bits of chance; of it only the SHA-256 is kept. A ticket says whose alerts may be read and until when,
signed with that digest: so it needs no row, every process can check it, and a new token ends all tickets of the old.
"""

import hmac
import secrets
from contextlib import suppress
from hashlib import sha256

from sqlalchemy import bindparam, select

from storefront.core.clock import MINUTE_MS, SECOND_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.errors import Unauthorized
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import queue_anchor
from storefront_fanfunding.rows import OVERLAYS
from storefront_fanfunding.tables import overlays

TICKET_MS = 5 * MINUTE_MS
"""For how long a ticket opens a stream; what is open stays open until the token changes."""
SEEN_EVERY_MS = 30 * SECOND_MS
_BY_DIGEST = Query(select(overlays).where(overlays.c.digest == bindparam("digest")))
_OF_CREATOR = Query(select(overlays).where(overlays.c.creator_id == bindparam("creator_id")))


async def find_overlay(services: Services, creator_id: str) -> Row | None:
    """Return the row of a creator's overlays; None before they had a token."""
    return await services.reader.first(_OF_CREATOR, creator_id=creator_id)


async def rotate(services: Services, creator_id: str, *, actor: str) -> str:
    """Make a new token and return it, this once; the one before, and what it opened, stops in the same commit.

    Raises ``Stale`` if another request did so in this very moment.
    """
    token, now = f"ovl_{secrets.token_urlsafe(32)}", services.clock.now()
    row, anchor = await find_overlay(services, creator_id), queue_anchor(creator_id)
    plan = Plan(actor=actor, anchors={anchor})
    if row is None:
        made = {
            "creator_id": creator_id,
            "digest": _digest(token),
            "is_paused": 0,
            "is_hidden": 0,
            "free_at": 0,
            "seen_at": None,
        }
        plan.add(Insert(OVERLAYS, (creator_id,), anchor, {**made, "created_at": now, "updated_at": now}))
    else:
        changes = {"digest": _digest(token), "updated_at": now}
        plan.add(Change(OVERLAYS, (creator_id,), anchor, {"digest": row["digest"]}, changes))
    wall = services.clock.wall()
    record_action(plan, "overlay.rotated", actor=actor, about=creator_id, facts={}, now=now, wall=wall)
    plan.emit("overlay.changed", anchor=anchor, subject=creator_id, payload={"creator_id": creator_id})
    await services.engine.commit(plan)
    return token


async def note_seen(services: Services, overlay: Row) -> None:
    """Note that a page of these overlays is connected, at most twice a minute however many there are."""
    now, anchor = services.clock.now(), queue_anchor(overlay["creator_id"])
    if overlay["seen_at"] is not None and now < overlay["seen_at"] + SEEN_EVERY_MS:
        return
    plan = Plan(actor="plugin:fanfunding", anchors={anchor})
    seen = {"seen_at": overlay["seen_at"]}
    plan.add(Change(OVERLAYS, (overlay["creator_id"],), anchor, seen, {"seen_at": now}))
    with suppress(Stale):  # another page has just noted it
        await services.engine.commit(plan)


def is_connected(services: Services, overlay: Row) -> bool:
    """Tell whether a page of these overlays was connected within the last minute."""
    return overlay["seen_at"] is not None and services.clock.now() < overlay["seen_at"] + 2 * SEEN_EVERY_MS


async def make_ticket(services: Services, token: str) -> str:
    """Exchange a token for a ticket; raises ``Unauthorized``."""
    row = await services.reader.first(_BY_DIGEST, digest=_digest(token))
    if row is None:
        raise Unauthorized("This overlay link is no longer good.")
    claim = f"{row['creator_id']}.{services.clock.wall() + TICKET_MS}"
    return f"{claim}.{_sign(claim, row['digest'])}"


async def overlay_of_ticket(services: Services, ticket: str) -> Row:
    """Return the overlays that a ticket is for; raises ``Unauthorized``."""
    if not ticket.isascii():
        raise Unauthorized("This ticket is no longer good.")
    claim, _, signature = ticket.rpartition(".")
    creator_id, _, until = claim.partition(".")
    row = await find_overlay(services, creator_id)
    if row is None or not hmac.compare_digest(_sign(claim, row["digest"]).encode(), signature.encode()):
        raise Unauthorized("This ticket is no longer good.")
    if services.clock.wall() >= int(until):  # signed by us, so it is a number
        raise Unauthorized("This ticket is too old.")
    return row


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _sign(claim: str, digest: str) -> str:
    return hmac.new(bytes.fromhex(digest), b"overlay:" + claim.encode(), sha256).hexdigest()
