"""The API as one caller sees it, over real HTTP."""

import time
from collections.abc import Mapping
from io import BytesIO
from typing import Any, NamedTuple, Protocol

import aiohttp
import msgspec

from storefront.core.clock import MINUTE_MS, SECOND_MS, parse_iso


class Answer(NamedTuple):
    """What the API answered; ``json`` is None where the body is not JSON."""

    status: int
    json: Any
    headers: Mapping[str, str]


class Reply(NamedTuple):
    """The same, byte for byte."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Wall:
    """The machine's clock, set ahead by as much as a test says; milliseconds when called."""

    def __init__(self) -> None:
        self._ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead_ms

    def move(self, seconds: int) -> None:
        """Set the clock ahead, or back with a negative number."""
        self._ahead_ms += seconds * SECOND_MS


class Host(Protocol):
    """What a caller needs of a shop."""

    http: aiohttp.ClientSession
    wall: Wall

    def as_server(self) -> "Caller": ...


class Caller:
    """The API as one credential sees it; a customer's session is minted when first needed."""

    def __init__(self, shop: Host, credential: str | None, *, customer: str | None = None) -> None:
        self._shop = shop
        self._credential = credential
        self._customer = customer
        self._renew_at = 0

    async def get(self, path: str, **headers: str) -> Answer:
        return read_answer(await self.send("GET", path, headers=headers))

    async def delete(self, path: str, **headers: str) -> Answer:
        return read_answer(await self.send("DELETE", path, headers=headers))

    async def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        """Post JSON; ``key`` is the Idempotency-Key."""
        content = None if body is None else msgspec.json.encode(body)
        return read_answer(await self.send("POST", path, content=content, key=key, headers=headers))

    async def put(self, path: str, body: Any, **headers: str) -> Answer:
        """Put JSON."""
        return read_answer(await self.send("PUT", path, content=msgspec.json.encode(body), headers=headers))

    async def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send any bytes and return the answer's; ``headers`` win over what is set otherwise."""
        sent = {} if content is None else {"Content-Type": "application/json"}
        if key is not None:
            sent["Idempotency-Key"] = key
        credential = await self._bearer()
        if credential is not None:
            sent["Authorization"] = f"Bearer {credential}"
        data = None if content is None else BytesIO(content)
        options: dict[str, Any] = {"data": data, "headers": {**sent, **(headers or {})}, "allow_redirects": False}
        async with self._shop.http.request(method, path, **options) as response:
            return Reply(response.status, await response.read(), response.headers)

    async def _bearer(self) -> str | None:
        if self._customer is not None and self._shop.wall() >= self._renew_at:
            answer = await self._shop.as_server().post("/v1/sessions", {"customer": self._customer})
            assert answer.status == 201, answer
            self._credential = answer.json["token"]
            self._renew_at = parse_iso(answer.json["expires_at"]) - MINUTE_MS
        return self._credential


def read_answer(reply: Reply) -> Answer:
    is_json = "json" in reply.headers.get("Content-Type", "")
    return Answer(reply.status, msgspec.json.decode(reply.body) if is_json else None, reply.headers)


def as_json(purchase: Answer | Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = purchase.json if isinstance(purchase, Answer) else purchase
    return found
