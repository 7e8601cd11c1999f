"""The library's way over aiohttp, with answers that are read whole.

The library guards a call until an answer begins. One that is cut off or stands still while it arrives would come out
as an error of aiohttp's, not be retried, and keep its connection.

It also makes an object of its own of every object in an answer, milliseconds of work for one with lists in it, of which
we need none: we read answers as shapes of ours. So a good answer goes through it sealed, as the text of one member.
"""

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import aiohttp
import msgspec
import stripe

SEALED = "storefront_sealed"
_JSON = msgspec.json.Decoder()


class WholeAnswers(stripe.AIOHTTPClient):
    """Raises ``stripe.APIConnectionError`` for whatever is lost on the way, and lets go of the connection."""

    @property
    def _session(self) -> aiohttp.ClientSession:
        """The library's session; its default, which reads the authorities anew for every client, is spared."""
        if self._user_session is None and self._user_connector is None and self._verify_ssl_certs:
            self._user_connector = aiohttp.TCPConnector(ssl=_trusting(stripe.ca_bundle_path))
        session: aiohttp.ClientSession = super()._session
        return session

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        arguments, options = self._get_request_args_kwargs(method, url, headers, post_data)
        try:
            async with self._session.request(*arguments, **options) as response:
                body = await response.read()
                return seal(body) if response.status < 300 else body, response.status, response.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._handle_request_error(error)


@cache
def _trusting(authorities: str) -> ssl.SSLContext:
    """Return what trusts the authorities in a file, read once a process: reading them takes some 20 ms."""
    return ssl.create_default_context(cafile=authorities)


def seal(body: bytes) -> bytes:
    """Return a body that holds this one as text; what is not JSON stays as it is, for the library to refuse."""
    try:
        _JSON.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    return msgspec.json.encode({SEALED: body.decode()})


def unseal(answer: object) -> bytes | None:
    """Return the body that the library was given sealed; None if this is something else."""
    response = answer.last_response if isinstance(answer, stripe.StripeObject) else None
    sealed = response.data.get(SEALED) if response is not None and isinstance(response.data, dict) else None
    return sealed.encode() if isinstance(sealed, str) else None
