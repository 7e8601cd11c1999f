"""Requests that happen once: one idempotency key per write, retried under it, with a cap and jitter."""

import asyncio
import json
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from storefront_sdk.errors import (
    ConnectionLost,
    GatewayRefused,
    InFlight,
    StorefrontError,
    TokenUnavailable,
    UnreadableAnswer,
    error_from,
)

RETRIED = frozenset({408, 429, 502, 503, 504})
LONGEST_PAUSE_SECONDS = 30.0
SILENT_SECONDS = 35.0
"""The server says something every ten seconds: a stream that is silent for longer is dead."""

Body = Mapping[str, Any] | Sequence[Mapping[str, Any]]
GetToken = Callable[[], Awaitable[str | None]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the server: the status, its JSON object (empty for 204 and 304) and the headers."""

    status: int
    document: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def is_replay(self) -> bool:
        """Tell whether this is the stored answer of an earlier request under the same key."""
        return self.headers.get("Idempotent-Replayed") == "true"


class Transport:
    """Sends requests. ``session`` is the one seam: give your own, and it stays yours."""

    def __init__(
        self,
        base_url: str,
        *,
        get_token: GetToken,
        customer_version: Callable[[], int | None],
        session: aiohttp.ClientSession | None,
        tries: int,
        timeout_seconds: float,
        pause_seconds: float,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._get_token = get_token
        self._customer_version = customer_version
        self._session = session
        self._owns_session = session is None
        self._tries = tries
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_seconds

    async def close(self) -> None:
        if self._owns_session and self._session is not None:
            await self._session.close()
            self._session = None

    async def read(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_public: bool = False,
    ) -> Reply:
        """GET, retried like a write: reading twice changes nothing. What ``is_public`` is asked for by nobody."""
        return await self._send("GET", path, query=query, headers=dict(headers or {}), is_public=is_public)

    @asynccontextmanager
    async def open(self, path: str, *, headers: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a stream: one request, one try; give its pieces as they arrive."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_seconds, sock_read=SILENT_SECONDS)
        sent = await self._headers(headers)
        try:
            async with self._client().get(
                self._base_url + path, headers=sent, timeout=timeout, allow_redirects=False
            ) as response:
                if response.status != 200 or response.content_type != "text/event-stream":
                    _read(response.status, await response.read(), response.headers)
                    raise UnreadableAnswer("Something answered that is no stream.", code="unreadable_answer")
                yield response.content.iter_any()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ConnectionLost(f"The stream {path} got no answer.", code="connection_lost") from error

    async def write(
        self,
        path: str,
        body: Body | None = None,
        *,
        key: str | None = None,
        takes_key: bool = True,
        more_seconds: float = 0.0,
    ) -> Reply:
        """POST under one idempotency key, made once for all tries; the server may take ``more_seconds`` on purpose."""
        headers = {"Idempotency-Key": key or secrets.token_urlsafe(24)} if takes_key else {}
        return await self._send("POST", path, body=body, headers=headers, more_seconds=more_seconds)

    async def put(self, path: str, body: Mapping[str, Any]) -> Reply:
        """PUT, retried: what is put twice is there once."""
        return await self._send("PUT", path, body=body, headers={})

    async def delete(self, path: str, *, query: Mapping[str, str] | None = None) -> Reply:
        """DELETE, retried: what is gone stays gone."""
        return await self._send("DELETE", path, query=query, headers={})

    async def _send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        query: Mapping[str, str] | None = None,
        body: Body | None = None,
        more_seconds: float = 0.0,
        is_public: bool = False,
    ) -> Reply:
        for tries_left in range(self._tries - 1, -1, -1):
            failure: StorefrontError
            try:
                sent = headers if is_public else await self._headers(headers)
                return await self._once(method, path, headers=sent, query=query, body=body, more_seconds=more_seconds)
            except aiohttp.InvalidURL:
                raise
            except (aiohttp.ClientError, TimeoutError) as error:
                failure = ConnectionLost(f"{method} {path} got no answer.", code="connection_lost")
                failure.__cause__ = error
            except StorefrontError as error:
                failure = error
            if not tries_left or not _may_help(failure):
                raise failure
            await self._pause(self._tries - 1 - tries_left, failure.retry_after_seconds)
        raise ValueError("tries must be 1 or more")

    async def _once(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
        body: Body | None,
        more_seconds: float,
    ) -> Reply:
        async with self._client().request(
            method,
            self._base_url + path,
            params=query,
            json=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout_seconds + more_seconds),
            allow_redirects=False,  # they would carry the credential to whoever is named
        ) as response:
            return _read(response.status, await response.read(), response.headers)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return headers with what tells who asks, and the last version of their state that was seen."""
        sent = dict(headers)
        try:
            token = await self._get_token()
        except Exception as error:  # a function of the caller's own, which may raise anything
            raise TokenUnavailable(f"get_token failed: {error}.", code="token_unavailable") from error
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        version = self._customer_version()
        if version is not None:
            sent["X-Customer-Version"] = str(version)
        return sent

    async def _pause(self, attempt: int, retry_after_seconds: float | None) -> None:
        """Wait before the next try: as the server says, else longer and longer, never in step with others."""
        wanted = self._pause_seconds * 2**attempt * (0.5 + random.random() / 2)  # noqa: S311 - no secret
        await asyncio.sleep(min(max(wanted, retry_after_seconds or 0.0), LONGEST_PAUSE_SECONDS))


def understood(kind: Callable[[Mapping[str, Any]], T], document: Mapping[str, Any]) -> T:
    """Read an answer with ``kind``; raises ``UnreadableAnswer`` where it lacks what every answer has."""
    try:
        return kind(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableAnswer(f"The answer is not as expected: {error!r}.", code="unreadable_answer") from error


def _may_help(failure: StorefrontError) -> bool:
    """Tell whether asking once more can change the answer, soon enough."""
    if isinstance(failure, GatewayRefused) or (failure.retry_after_seconds or 0.0) > LONGEST_PAUSE_SECONDS:
        return False
    return isinstance(failure, ConnectionLost | InFlight) or failure.status in RETRIED


def _read(status: int, content: bytes, headers: Mapping[str, str]) -> Reply:
    document: Any = {}
    is_json = "json" in headers.get("Content-Type", "")
    try:
        document = json.loads(content) if is_json and content else {}
    except ValueError:
        is_json = False
    if not isinstance(document, dict):
        is_json, document = False, {}
    request_id = headers.get("X-Request-Id")
    if status >= 400:
        wait = headers.get("Retry-After", "")
        seconds = float(wait) if wait.isdecimal() else None
        raise error_from(status, document, request_id=request_id, retry_after_seconds=seconds)
    if status not in (204, 304) and not (status < 300 and is_json):
        detail = f"Status {status} with {headers.get('Content-Type', 'no content')} is no answer of a shop."
        raise UnreadableAnswer(detail, code="unreadable_answer", status=status, request_id=request_id)
    return Reply(status, document, headers)
