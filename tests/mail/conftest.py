"""A shop with tiers that sends mail, and a real SMTP server on this machine that takes it."""

import asyncio
import email
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from email.policy import default

import pytest
from aiosmtpd.smtp import SMTP

from storefront.testing import running_shop
from tests.subscriptions.conftest import SUBSCRIBED

MAIL = """mail:
    host: 127.0.0.1
    port: ${SMTP_PORT}
    security: none
    from: shop@example.com
    reply_to: help@example.com
"""


def mailing(shop: str = SUBSCRIBED, more: str = "") -> str:
    """Return a shop's YAML with the plugin mail in it; ``more`` are further lines of its section."""
    plugins = "plugins:\n  microtransactions: {}\n  subscriptions: {}\n  " + MAIL
    lines = "".join(f"    {line}\n" for line in more.splitlines())
    return shop.replace("plugins: {microtransactions: {}, subscriptions: {}}\n", plugins + lines)


@dataclass
class Inbox:
    """An SMTP server: what it took, and what it is told to answer (``replies`` are used up one by one)."""

    mails: list = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    turns_away: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    signed_in: list[bool] = field(default_factory=list)
    closes_after_data: int = 0
    on_mail: Callable[[], object] | None = None
    options: dict = field(default_factory=dict)

    def __post_init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._socket.close()
        self._server = None

    async def open(self, **options):
        loop = asyncio.get_running_loop()
        self.options = options or self.options
        listening = {"ssl": self.options["tls"]} if "tls" in self.options else {}
        inside = {name: value for name, value in self.options.items() if name != "tls"}
        factory = lambda: SMTP(self, hostname="relay.example", loop=loop, **inside)  # noqa: E731
        self._server = await loop.create_server(factory, "127.0.0.1", self.port, **listening)

    async def close(self):
        if self._server is not None:
            self._server.close()
            self._server = None

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.turns_away:
            return self.turns_away.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.replies:
            return self.replies.pop(0)
        self.mails.append(email.message_from_bytes(envelope.content, policy=default))
        self.raw.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        self.signed_in.append(session.authenticated)
        self.was_encrypted.append(session.ssl is not None or "tls" in self.options)
        if self.on_mail is not None:
            self.on_mail()
            return "451 nobody hears this"
        if self.closes_after_data:
            self.closes_after_data -= 1
            server.transport.abort()
        return "250 taken"

    def texts(self, at=-1):
        """Return the plain text and the HTML of a mail."""
        mail = self.mails[at]
        return mail.get_body(("plain",)).get_content(), mail.get_body(("html",)).get_content()


@pytest.fixture
async def inbox():
    box = Inbox()
    await box.open()
    yield box
    await box.close()


@pytest.fixture
async def club(data_folder, database_url, inbox):
    async with running_shop(
        data_folder, mailing(), environ={"SMTP_PORT": str(inbox.port)}, database=database_url
    ) as shop:
        yield shop


async def give_address(shop, email="ada@example.com", *, customer="ada", **more):
    answer = await shop.as_server().put(f"/v1/mail/customers/{customer}", {"email": email, **more})
    assert answer.status == 200, answer


async def told(shop, customer="ada"):
    """Return what became of a customer's mails, newest first: ``[(template, state, reason), …]``."""
    answer = await shop.as_server().get(f"/v1/mail/customers/{customer}")
    return [(one["template"], one["state"], one["reason"]) for one in answer.json["messages"]]


async def days_pass(shop, days):
    """Let days go by, a few at a time: each request has its own deadline."""
    for _ in range(days // 5):
        await shop.advance("5d")
    await shop.advance("1h")
