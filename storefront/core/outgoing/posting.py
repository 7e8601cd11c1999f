"""Posts signed messages to other people's servers: one attempt a call, nothing is followed, unpacked or repeated.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, 1.0.0,
read 2026-11-26.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import aiohttp
from yarl import URL

from storefront.core.clock import SECOND_MS, Clock
from storefront.core.errors import StorefrontError

TIMEOUT_SECONDS = 15.0
LARGEST_ANSWER = 65_536
LONGEST_EXCERPT = 500
SECRET_PREFIX = "whsec_"  # noqa: S105 - how every secret begins

Connect = Callable[[str], aiohttp.BaseConnector]
"""Makes the connector for one message to this URL; may raise ``NotSent``."""


class NotSent(StorefrontError):
    """No answer came: the message may have arrived all the same. The words name neither path nor secret."""

    code = "message_not_sent"
    title = "The message could not be sent"


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted: ``id`` stays the same whenever the same thing is sent again."""

    id: str
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``excerpt`` is the beginning of the body as text, ``retry_after`` the header as it stood."""

    status: int
    excerpt: str
    retry_after: str | None
    latency_ms: int

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300


def read_secret(text: str) -> bytes:
    """Return the key of a ``whsec_…`` text."""
    return base64.b64decode(text.removeprefix(SECRET_PREFIX))


def signed_headers(message: Message, secrets: Sequence[bytes], timestamp: int) -> dict[str, str]:
    """Return a message's headers, with a ``v1`` signature for each secret; ``timestamp`` is in wall seconds."""
    headers = {
        "Content-Type": message.content_type,
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
    }
    if secrets:
        signed = b".".join((message.id.encode(), str(timestamp).encode(), message.body))
        digests = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
        headers["webhook-signature"] = " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
    return headers


def anywhere(url: str) -> aiohttp.BaseConnector:
    """Connect to whatever the URL names: for addresses that the operator wrote into the configuration."""
    return aiohttp.TCPConnector(force_close=True)


class Poster:
    """Posts messages; ``connect`` decides where they may go."""

    def __init__(self, clock: Clock, connect: Connect = anywhere) -> None:
        self._clock = clock
        self._connect = connect

    async def post(self, url: str, message: Message, secrets: Sequence[bytes]) -> Reply:
        """Post a message once and return what came back, whatever its status.

        Raises:
            NotSent: nothing came back.
        """
        headers = signed_headers(message, secrets, self._clock.wall() // SECOND_MS)
        headers |= {"Accept-Encoding": "identity", "User-Agent": "Storefront-Webhooks"}
        connector = self._connect(url)
        host = URL(url).host or "the address"
        began = time.monotonic()
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
                    auto_decompress=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                ) as session,
                session.post(url, data=message.body, headers=headers, allow_redirects=False) as response,
            ):
                excerpt = await _read_excerpt(response)
                latency_ms = int((time.monotonic() - began) * SECOND_MS)
                return Reply(response.status, excerpt, response.headers.get("Retry-After"), latency_ms)
        except TimeoutError as error:
            raise NotSent(f"{host} did not answer within {TIMEOUT_SECONDS:.0f} seconds") from error
        except aiohttp.ClientError as error:
            raise NotSent(f"{host}: {_words(error)}") from error


async def _read_excerpt(response: aiohttp.ClientResponse) -> str:
    """Read a body to its end, but no further than the largest one that is listened to; its status is known already,
    so a body that breaks off changes nothing."""
    read = bytearray()
    try:
        while len(read) < LARGEST_ANSWER:
            chunk = await response.content.read(LARGEST_ANSWER - len(read))
            if not chunk:
                break
            read += chunk
    except (aiohttp.ClientError, TimeoutError):
        response.close()
    if len(read) >= LARGEST_ANSWER:
        response.close()
    text = bytes(read[: LONGEST_EXCERPT * 4]).decode(errors="replace")
    return "".join(character if character.isprintable() else " " for character in text)[:LONGEST_EXCERPT].strip()


_BROKEN: Mapping[type[aiohttp.ClientError], str] = {
    aiohttp.ServerDisconnectedError: "it closed the connection without an answer",
    aiohttp.ClientResponseError: "its answer is not HTTP",
}


def _words(error: aiohttp.ClientError) -> str:
    cause: BaseException | None = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error.__cause__
    if isinstance(cause, Refusal):
        return str(cause)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "there is no such host"
    if isinstance(error, aiohttp.ClientSSLError):
        return "could not connect: its certificate or TLS is not accepted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "could not connect"
    return _BROKEN.get(type(error), f"the connection broke ({type(error).__name__})")


class Refusal(OSError):
    """A connector will not go there; its words are shown to the operator."""
