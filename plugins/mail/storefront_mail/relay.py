"""The SMTP server that takes our mail: a few conversations at once, none while it is known to be away."""

import asyncio
import re
import ssl
from email.message import EmailMessage

import aiosmtplib

from storefront.core.clock import SECOND_MS
from storefront_mail.config import Settings

SECONDS = 45
"""For a whole conversation; a job's lease is two minutes."""
MOST_AT_ONCE = 4
"""A server that hangs must leave room among the shop's jobs for those that move money."""
AWAY_MS = 30 * SECOND_MS
TURN_MS = 100
"""How far apart those come again that had to wait: a long queue must not be asked about all at once."""
_ADDRESS = re.compile(r"\S*@\S*")


class NotTaken(Exception):
    """A mail was not taken; the message says why, as it may be kept: without addresses.

    ``is_final``: it never will be (a 5xx reply to this recipient or content).
    """

    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Relay:
    """Hands messages over; one of a process, so that it knows what the others of it have seen."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._busy = 0
        self._away_until = 0
        self._turn = 0
        self._context: ssl.SSLContext | None = None

    def wait_until(self, now: int) -> int | None:
        """Return when to come again (ms) if there is no use in trying now: all lines are busy, or it is away."""
        if self._away_until <= now and self._busy < MOST_AT_ONCE:
            return None
        self._turn = max(self._turn, self._away_until, now + SECOND_MS) + TURN_MS
        return self._turn

    async def hand_over(self, message: EmailMessage, to: str, *, now: int) -> None:
        """Give a message to the server.

        Raises:
            NotTaken: it was refused, or nobody answered.
        """
        self._busy += 1
        try:
            await self._send(message, to)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            first = refused.recipients[0]
            raise _refused(first.code, first.message) from None
        except aiosmtplib.SMTPDataError as refused:
            raise _refused(refused.code, refused.message) from None
        except aiosmtplib.SMTPResponseException as refused:
            # Of the sender, the sign-in or the server itself: it says nothing against this mail.
            self._away_until = now + AWAY_MS
            raise NotTaken(redacted(refused.code, refused.message), is_final=False) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            self._away_until = now + AWAY_MS
            raise NotTaken(cleaned(f"{type(error).__name__}: {error}"), is_final=False) from error
        finally:
            self._busy -= 1

    async def _send(self, message: EmailMessage, to: str) -> None:
        settings, password = self._settings, self._settings.password
        if self._context is None and settings.security != "none":
            self._context = ssl.create_default_context(cafile=settings.ca_file)
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            timeout=SECONDS / 3,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._context,
            username=settings.username,
            password=None if password is None else password.reveal(),
            local_hostname=settings.sender.rpartition("@")[2],
        )
        async with asyncio.timeout(SECONDS), client:
            await client.send_message(message, sender=settings.sender, recipients=[to])


def _refused(code: int, reply: str) -> NotTaken:
    return NotTaken(redacted(code, reply), is_final=code >= 500)


def redacted(code: int, reply: str) -> str:
    """Return a server's reply as it may be kept."""
    return cleaned(f"{code} {reply}")


def cleaned(text: str) -> str:
    """Return a text in one line, short, without anything that looks like an address or is no character."""
    line = " ".join(_ADDRESS.sub("<address>", text).split())
    return "".join(one for one in line if one.isprintable())[:200]
