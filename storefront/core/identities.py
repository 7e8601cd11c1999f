"""By what a customer is known beside their name: cards and mailboxes, which two accounts of one person share.

Nothing of it is told to anybody: who asks gets marks, which are hashes, and can only tell whether two are the same.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Protocol, runtime_checkable

import structlog
from sqlalchemy import bindparam, select

from storefront.core.hooks import PluginAway
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import payment_methods

DOTLESS = frozenset({"gmail.com", "googlemail.com"})
"""Domains whose mailboxes are the same with and without dots, and which are one domain."""
MAILBOX_TOLD = "customer.mailbox_told"
"""The event by which a plugin that ``KnowsMailboxes`` says that it was told another one; it names no address."""
_CARDS = Query(
    select(payment_methods.c.gateway, payment_methods.c.fingerprint)
    .where(payment_methods.c.customer_id == bindparam("customer_id"), payment_methods.c.fingerprint.is_not(None))
    .distinct()
)

log = structlog.get_logger("storefront.identities")


@runtime_checkable
class KnowsMailboxes(Protocol):
    """A plugin that knows where a customer gets mail."""

    async def mailbox_of(self, services: Services, customer_id: str) -> str | None:
        """Return a customer's e-mail address, or None."""
        ...


async def marks_of(services: Services, customer_id: str) -> Sequence[str]:
    """Return the marks of a customer's cards, forgotten ones too, and of their mailbox, as far as they are known."""
    cards = await services.reader.all(_CARDS, customer_id=customer_id)
    marks = [mark("card", f"{one['gateway']}:{one['fingerprint']}") for one in cards]
    for name in services.hooks.health:
        address = await _mailbox(services, name, customer_id)
        if address is not None:
            marks.append(mark("mailbox", unaliased(address)))
    return sorted(set(marks))


async def _mailbox(services: Services, name: str, customer_id: str) -> str | None:
    """Return the address that a plugin knows; one that fails stops nobody from buying."""
    plugin = services.hooks.manager.get_plugin(name)
    if not isinstance(plugin, KnowsMailboxes):
        return None
    try:
        return await services.hooks.ask(name, "mailbox_of", partial(plugin.mailbox_of, services, customer_id))
    except PluginAway as away:
        log.error("mailbox_unknown", plugin=name, customer=customer_id, reason=away.detail)
        return None


def mark(kind: str, value: str) -> str:
    """Return what stands for a card or a mailbox: the same for the same, and no way back to it."""
    return f"{kind}:{hashlib.sha256(f'storefront:{kind}:{value}'.encode()).hexdigest()}"


def unaliased(address: str) -> str:
    """Return the mailbox that an address leads to: ``A.da+shop@Gmail.com`` is ``ada@gmail.com``.

    What follows a plus is an alias everywhere that we know of; dots are none at Google only, and at no domain's end.
    """
    name, _, domain = address.strip().lower().rpartition("@")
    domain = domain.removesuffix(".")
    name = name.partition("+")[0] or name
    if domain in DOTLESS:
        name, domain = name.replace(".", ""), "gmail.com"
    return f"{name}@{domain}"
