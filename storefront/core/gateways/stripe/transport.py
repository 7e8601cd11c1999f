"""The library's way over aiohttp, with answers that are read whole.

The library guards a call until an answer begins. One that is cut off or stands still while it arrives would come out
as an error of aiohttp's, not be retried, and keep its connection.
"""

from collections.abc import Mapping
from typing import Any

import aiohttp
import stripe


class WholeAnswers(stripe.AIOHTTPClient):
    """Raises ``stripe.APIConnectionError`` for whatever is lost on the way, and lets go of the connection."""

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        arguments, options = self._get_request_args_kwargs(method, url, headers, post_data)
        try:
            async with self._session.request(*arguments, **options) as response:
                return await response.read(), response.status, response.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._handle_request_error(error)
