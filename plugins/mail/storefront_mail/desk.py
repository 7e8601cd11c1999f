"""What an operator's shell asks of mail (``storefront mail``)."""

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError

from storefront.core.errors import FieldError, Invalid
from storefront.core.hooks import Operations
from storefront.core.ids import new_id
from storefront.core.services import Services
from storefront_mail.composing import compose
from storefront_mail.config import ADDRESS_PATTERN, Settings
from storefront_mail.operating import list_messages, resend
from storefront_mail.relay import NotTaken, Relay

SHELL = "operator:shell"


def operations_of(services: Services, settings: Settings, relay: Relay) -> Operations:
    """Return the operations ``mail.test`` (``to``, maybe ``language``), ``mail.list`` and ``mail.resend`` (``id``)."""

    async def test(asked: Mapping[str, Any]) -> dict[str, Any]:
        return await send_test(services, settings, relay, asked["to"], asked.get("language"))

    async def list_them(asked: Mapping[str, Any]) -> dict[str, Any]:
        return await list_messages(services, **asked)

    async def send_again(asked: Mapping[str, Any]) -> dict[str, Any]:
        return await resend(services, asked["id"], actor=SHELL)

    return {"test": test, "list": list_them, "resend": send_again}


async def send_test(
    services: Services, settings: Settings, relay: Relay, to: str, language: str | None
) -> dict[str, Any]:
    """Send a test mail now, past the queue, and say under which Message-ID; raises ``Invalid`` with the reply."""
    if re.fullmatch(ADDRESS_PATTERN, to) is None:
        raise Invalid("That is no address.", errors=[FieldError("/to", "must be an address like ada@example.com")])
    now, message_id = services.clock.now(), new_id("mai")
    row = {"id": message_id, "event_type": "mail.test", "template": "test", "occurred_at": now,
           "message_id": f"<{message_id}@{settings.sender.rpartition('@')[2]}>"}  # fmt: skip
    address = {"email": to, "language": language, "token": None}
    try:
        message, _ = await compose(services, settings, row, address, {"type": "mail.test", "subject": "", "data": {}})
        await relay.hand_over(message, to, now=now)
    except NotTaken as refusal:
        raise Invalid(f"It was not taken: {refusal}") from refusal
    except TemplateError as error:
        raise Invalid(f"It cannot be rendered: {error}") from error
    return {"message_id": row["message_id"], "to": to, "server": f"{settings.host}:{settings.port}"}
