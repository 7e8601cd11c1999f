"""The answers that handlers give: JSON, stored bytes, redirects, problem documents.

A plain ``Answer`` is written to the socket in one piece, its constant headers encoded once for the whole
process; that halves the cost of a small request. As soon as anything is special (a header of its own, a
cookie, HEAD, HTTP/1.0, a connection about to close) it takes aiohttp's ordinary way.
"""

import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from storefront.core.commit.outcome import Answer as StoredAnswer

JSON = "application/json"

_JSON_HEADERS = CIMultiDict({"Content-Type": JSON})
_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {JSON}\r\n".encode()
    for status in HTTPStatus
    if status.value >= 200 and status.value not in {204, 205, 304}
}
_encode = msgspec.json.Encoder().encode


class Answer(web.Response):
    """A JSON answer with a complete body."""

    _head: bytes | None = None
    _is_sent = False

    def send_straight(self, constant_headers: bytes, request_id: str) -> bool:
        """Prepare to be sent in one write; ``False`` if this answer is not plain enough.

        ``constant_headers`` are encoded lines, each with its CRLF. The caller has made sure that the
        request is a keep-alive one of HTTP/1.1 and not HEAD.
        """
        first = _STATUS_LINES.get(self.status)
        body = self.body
        if first is None or len(self.headers) != 1 or self._cookies or not isinstance(body, bytes):
            return False
        last = f"X-Request-Id: {request_id}\r\nDate: {_date()}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._head = b"".join((first, constant_headers, last.encode("ascii")))
        return True

    @property
    def prepared(self) -> bool:
        return self._is_sent or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        return True if self._is_sent else super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the head, and the body with it if the answer goes straight."""
        if self._head is None:
            return await super().prepare(request)
        if not self._is_sent:
            self._is_sent = True
            assert isinstance(self.body, bytes)
            await request.writer.write(self._head + self.body)
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Finish; nothing is left to do for an answer that went straight."""
        if not self._is_sent:
            await super().write_eof(data)


def respond(payload: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with JSON: anything that msgspec encodes (dicts, dataclasses, structs)."""
    return respond_bytes(_encode(payload), status=status, headers=headers)


def respond_once(answer: StoredAnswer, *, is_replay: bool) -> web.Response:
    """Answer what was done once for an idempotency key; a replay has the very bytes, and a header says so."""
    headers = {"Idempotent-Replayed": "true"} if is_replay else None
    return respond_bytes(answer.body, status=answer.status, headers=headers)


def respond_bytes(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None, content_type: str = JSON
) -> web.Response:
    """Answer with bytes that are JSON already (a stored answer goes out unchanged) or another ``content_type``."""
    if content_type != JSON:
        return web.Response(body=body, status=status, headers={**(headers or {}), "Content-Type": content_type})
    answer = Answer(body=body, status=status, headers=_JSON_HEADERS)
    if headers:
        answer.headers.update(headers)
    return answer


def not_modified(etag: str) -> web.Response:
    """Answer 304: the caller's copy is still right."""
    return web.Response(status=304, headers={hdrs.ETAG: etag})


def redirect(location: str, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer 303: the browser fetches ``location``."""
    return web.Response(status=303, headers={**(headers or {}), hdrs.LOCATION: location})


def problem(
    code: str,
    *,
    status: int,
    title: str,
    request_id: str,
    detail: str = "",
    errors: Sequence[Mapping[str, str]] = (),
    facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Answer with a problem document (RFC 9457); handlers raise instead, and the edge calls this."""
    document: dict[str, Any] = dict(facts or {})
    document.update(type=f"/docs/errors#{code}", title=title, status=status, detail=detail or title)
    document.update(code=code, request_id=request_id)
    if errors:
        document["errors"] = list(errors)
    return respond_bytes(_encode(document), status=status, headers=headers, content_type="application/problem+json")


class _DateLine:
    """The Date header of this second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def __call__(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._text = formatdate(second, usegmt=True)
        return self._text


_date = _DateLine()
