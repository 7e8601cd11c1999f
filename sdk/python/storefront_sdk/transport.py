"""Requests that happen once: one idempotency key per write, retried under it, with a cap and jitter."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from storefront_sdk.errors import ConnectionLost, error_from

RETRIED = frozenset({429, 502, 503, 504})
IN_FLIGHT = "idempotency_key_in_flight"
LONGEST_PAUSE_SECONDS = 30.0

GetToken = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the server: the status, its JSON (None for 304) and the headers."""

    status: int
    document: Any
    headers: Mapping[str, str]


class Transport:
    """Sends requests. ``session`` is the one seam: give your own, and it stays yours."""

    def __init__(
        self,
        base_url: str,
        *,
        get_token: GetToken,
        session: aiohttp.ClientSession | None,
        tries: int,
        timeout_seconds: float,
        pause_seconds: float,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._get_token = get_token
        self._session = session
        self._owns_session = session is None
        self._tries = tries
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._pause_seconds = pause_seconds

    async def close(self) -> None:
        if self._owns_session and self._session is not None:
            await self._session.close()
            self._session = None

    async def read(
        self, path: str, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """GET, retried like a write: reading twice changes nothing."""
        return await self._send("GET", path, query=query, headers=dict(headers or {}))

    async def write(
        self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None, takes_key: bool = True
    ) -> Reply:
        """POST under one idempotency key, made once for all tries."""
        headers = {"Idempotency-Key": key or secrets.token_urlsafe(24)} if takes_key else {}
        return await self._send("POST", path, body=body, headers=headers)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Reply:
        last: Exception | None = None
        for attempt in range(self._tries):
            try:
                reply = await self._once(method, path, headers=headers, query=query, body=body)
            except (aiohttp.ClientError, TimeoutError) as error:
                last = error
                await self._pause(attempt, None)
                continue
            if reply.status < 400:
                return reply
            failure = error_from(reply.status, reply.document if isinstance(reply.document, dict) else {})
            if reply.status not in RETRIED and failure.code != IN_FLIGHT:
                raise failure
            last = failure
            await self._pause(attempt, reply.headers.get("Retry-After"))
        if isinstance(last, aiohttp.ClientError | TimeoutError):
            raise ConnectionLost(f"{method} {path} got no answer.", code="connection_lost") from last
        assert last is not None, "at least one try was made"
        raise last

    async def _once(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> Reply:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        credential = {"Authorization": f"Bearer {await self._get_token()}"}
        async with self._session.request(
            method,
            self._base_url + path,
            params=query,
            json=body,
            headers={**headers, **credential},
            timeout=self._timeout,
            allow_redirects=False,
        ) as response:
            is_json = "json" in response.content_type
            document = await response.json(content_type=None) if is_json and response.status != 304 else None
            return Reply(response.status, document, response.headers)

    async def _pause(self, attempt: int, retry_after: str | None) -> None:
        """Wait before the next try: as the server says, else longer and longer, never in step with others."""
        if attempt + 1 >= self._tries:
            return
        wanted = self._pause_seconds * 2**attempt * (0.5 + random.random() / 2)  # noqa: S311
        if retry_after is not None and retry_after.isdigit():
            wanted = max(wanted, float(retry_after))
        await asyncio.sleep(min(wanted, LONGEST_PAUSE_SECONDS))
