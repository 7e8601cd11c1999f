"""Where customers get mail: told by the game's server, kept here only, and forgotten when it says so."""

import secrets
from contextlib import suppress
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan, Remove
from storefront.core.errors import NotFound
from storefront.core.identities import MAILBOX_TOLD
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_mail.tables import addresses, messages

ACTOR = "plugin:mail"
ADDRESS = Query(select(addresses).where(addresses.c.customer_id == bindparam("customer_id")))
_BY_TOKEN = Query(select(addresses).where(addresses.c.token == bindparam("token")))
_NEWEST = Query(
    select(messages).where(messages.c.customer_id == bindparam("customer_id")).order_by(messages.c.id.desc()).limit(50)
)


async def keep_address(services: Services, customer_id: str, email: str, language: str | None, *, actor: str) -> None:
    """Keep where a customer gets mail. Their opt-out stays; the links in mails to another address die."""
    while True:
        before = await services.reader.first(ADDRESS, customer_id=customer_id)
        is_same = before is not None and before["email"] == email
        changes = {
            "email": email,
            "language": language,
            "token": before["token"] if before is not None and is_same else secrets.token_urlsafe(32),
            "updated_at": services.clock.now(),
        }
        plan = Plan(actor=actor, anchors={customer_id})
        if before is None:
            row = {"customer_id": customer_id, "opted_out_at": None, **changes}
            plan.add(Insert("mail_addresses", (customer_id,), customer_id, row, once=True))
        else:
            plan.add(Change("mail_addresses", (customer_id,), customer_id, {"token": before["token"]}, changes))
        if not is_same:
            plan.emit(MAILBOX_TOLD, anchor=customer_id, subject=customer_id, payload={"customer_id": customer_id})
        try:
            outcome = await services.engine.commit(plan)
        except Stale:
            continue  # another call was faster: this one is the later
        if not outcome.results.get("kept:mail_addresses"):
            return


async def forget_address(services: Services, customer_id: str, *, actor: str) -> None:
    """Erase a customer's address, language and opt-out. What was sent keeps no trace of it. Safe to repeat."""
    if await services.reader.first(ADDRESS, customer_id=customer_id) is None:
        return
    plan = Plan(actor=actor, anchors={customer_id})
    plan.add(Remove("mail_addresses", (customer_id,), customer_id))
    with suppress(Stale):  # somebody else has forgotten it at this very moment
        await services.engine.commit(plan)


async def show_address(services: Services, customer_id: str) -> dict[str, Any]:
    """Return a customer's address, and what became of their newest mails; raises ``NotFound``."""
    row = await services.reader.first(ADDRESS, customer_id=customer_id)
    sent = await services.reader.all(_NEWEST, customer_id=customer_id)
    return {
        "email": None if row is None else row["email"],
        "language": None if row is None else row["language"],
        "opted_out_at": None if row is None or row["opted_out_at"] is None else iso(row["opted_out_at"]),
        "messages": [shown(one) for one in sent],
    }


async def owner_of(services: Services, token: str) -> Row:
    """Return the address that an unsubscribe link is of; raises ``NotFound``."""
    row = await services.reader.first(_BY_TOKEN, token=token)
    if row is None:
        raise NotFound("This link is not valid any more.")
    return row


async def choose(services: Services, token: str, *, wants_mail: bool) -> None:
    """Opt out of all but the necessary, or back in. Safe to repeat; raises ``NotFound``."""
    row = await owner_of(services, token)
    if (row["opted_out_at"] is None) is wants_mail:
        return
    now, customer_id = services.clock.now(), row["customer_id"]
    plan = Plan(actor=customer_id, anchors={customer_id})
    changes = {"opted_out_at": None if wants_mail else now, "updated_at": now}
    plan.add(Change("mail_addresses", (customer_id,), customer_id, {"token": token}, changes))
    try:
        await services.engine.commit(plan)
    except Stale:
        raise NotFound("This link is not valid any more.") from None


def shown(row: Row) -> dict[str, Any]:
    """Return what became of a mail, as it is shown."""
    names = ("id", "event_type", "template", "state", "reason", "attempts")
    return {**{name: row[name] for name in names}, "updated_at": iso(row["updated_at"])}
