"""JSON that two parsers cannot read differently, and request bodies of bounded size.

Refused with 400: bytes that are not UTF-8, duplicate member names, NaN and Infinity (also as ``1e400``),
lone surrogates, NUL characters, nesting beyond 64 levels. What is well-formed but wrong (``1.0`` where an
integer is meant, integers beyond 2^53 − 1) is left to ``validation.py``, which is told by ``odd_numbers``
that it has to look. Source: RFC 8259, RFC 7493 (I-JSON).
"""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any

from aiohttp import StreamReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from storefront.core.errors import Malformed
from storefront.web.errors import BodyTooLarge, BodyTooSlow, UnsupportedBody

MAX_DEPTH = 64

_MEDIA_TYPE = re.compile(r"application/json\s*(?:;\s*charset=\"?utf-?8\"?\s*)?", re.IGNORECASE)
_FORM_TYPE = re.compile(r"application/x-www-form-urlencoded\s*(?:;\s*charset=\"?utf-?8\"?\s*)?", re.IGNORECASE)
_ODD_NUMBER = re.compile(rb"[0-9][.eE]|[0-9]{16}")
ODD_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_SURROGATE_OR_NUL = re.compile("[\ud800-\udfff\0]")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
MOST_DIGITS = 30
_MOST_EXPONENT = 30


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed document; ``odd_numbers``: it may hold a fraction, an exponent or a very long integer."""

    document: Any
    odd_numbers: bool


def parse(body: bytes) -> Parsed:
    """Parse one JSON document; raises ``Malformed`` with a reason that quotes nothing of the body."""
    if not body:
        raise Malformed("The body is empty; a JSON object is needed.")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise Malformed(f"The JSON is nested more than {MAX_DEPTH} levels deep.")
    try:
        document = _decoder.decode(body.decode())
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: line {error.lineno}, column {error.colno}.") from None
    if ODD_ESCAPE.search(body) and any(_SURROGATE_OR_NUL.search(text) for text in _strings(document)):
        raise Malformed("A string holds a NUL or half of a surrogate pair.")
    return Parsed(document, _ODD_NUMBER.search(body) is not None)


def parse_exactly(body: bytes) -> Any:
    """Parse one JSON document, its fractions as ``Decimal``; raises ``Malformed`` as ``parse`` does.

    It is for long lists of flat objects: how deep they may be nested is left to the parser.
    """
    if not body:
        raise Malformed("The body is empty; JSON is needed.")
    try:
        document = _exact_decoder.decode(body.decode())
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise Malformed(f"The JSON is nested more than {MAX_DEPTH} levels deep.") from None
    if ODD_ESCAPE.search(body) and any(_SURROGATE_OR_NUL.search(text) for text in _strings(document)):
        raise Malformed("A string holds a NUL or half of a surrogate pair.")
    return document


def require_media(request: web.Request, media: re.Pattern[str], name: str) -> None:
    """Refuse other media types than ``media``, and compressed bodies; raises ``UnsupportedBody``."""
    _require(request, media, name)


def require_json(request: web.Request) -> None:
    """Refuse other media types, other charsets and compressed bodies; raises ``UnsupportedBody``."""
    _require(request, _MEDIA_TYPE, "application/json")


def require_form(request: web.Request) -> None:
    """Refuse what is not a plain HTML form; raises ``UnsupportedBody``."""
    _require(request, _FORM_TYPE, "application/x-www-form-urlencoded")


async def read_body(request: web.Request, *, limit: int, seconds: float) -> bytes:
    """Read the whole body, counting: chunked bodies are cut off at ``limit`` bytes too.

    Raises ``BodyTooLarge`` or ``BodyTooSlow``.
    """
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(limit)
    content = request.content
    try:
        if content.is_eof():
            body = content.read_nowait()
            if len(body) > limit:
                raise _too_large(limit)
            return body
        async with asyncio.timeout(seconds):
            return await _all_chunks(content, limit)
    except TimeoutError:
        raise BodyTooSlow from None
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
        raise Malformed("The body broke off or is not framed as its headers say.") from None


async def _all_chunks(content: StreamReader, limit: int) -> bytes:
    chunks = []
    size = 0
    while chunk := await content.readany():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"At most {limit} bytes are taken here.")


def _require(request: web.Request, wanted: re.Pattern[str], name: str) -> None:
    headers = request.headers
    if hdrs.CONTENT_ENCODING in headers:
        raise UnsupportedBody("Send the body without Content-Encoding.")
    given = headers.getall(hdrs.CONTENT_TYPE, [])
    if len(given) != 1 or not wanted.fullmatch(given[0]):
        raise UnsupportedBody(f"Send Content-Type: {name}.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("A member name occurs twice in one object.")
    return members


def _integer(digits: str) -> int:
    # int() of thousands of digits is quadratic and then refused by Python; no limit here is that far out.
    return int(digits[:MOST_DIGITS])


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise Malformed("A number is too large.")
    return number


def exact_fraction(text: str) -> Decimal:
    """Return a JSON number with a fraction or an exponent; raises ``Malformed`` if it is out of all bounds."""
    number = Decimal(text)
    if not -_MOST_EXPONENT <= number.adjusted() <= _MOST_EXPONENT:
        raise Malformed("A number is too large, or too small.")
    return number


def _constant(_name: str) -> float:
    raise Malformed("NaN and Infinity are not JSON.")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
_exact_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=exact_fraction, parse_constant=_constant
)


def _depth(body: bytes) -> int:
    deepest = depth = 0
    for byte in _STRING.sub(b"", body):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _strings(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from _strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from _strings(value)
