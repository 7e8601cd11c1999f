"""Anchors: the newest seal's hash, kept where whoever changes the books cannot reach.

An anchor is a line of JSON in a file, or the ``data`` of a webhook's body. Whoever has one can tell later
whether the books still begin with all that it vouches for.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from storefront.core.clock import iso
from storefront.core.errors import Invalid
from storefront.core.sealing.seals import StoredSeal


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent outside: which database, which seal, its hash (hexadecimal), how many entries it vouches for."""

    database: str
    shop: str
    seal: int
    hash: str
    entries_so_far: int
    sealed_at: str

    @classmethod
    def of(cls, stored: StoredSeal, *, database: str, shop: str) -> "Anchor":
        seal = stored.seal
        return cls(
            database=database,
            shop=shop,
            seal=seal.number,
            hash=stored.hash.hex(),
            entries_so_far=seal.entries_so_far,
            sealed_at=iso(seal.sealed_at),
        )

    def to_json(self) -> bytes:
        return msgspec.json.encode(self)


class _Delivered(msgspec.Struct):
    data: Anchor


class BadAnchor(Invalid):
    code = "bad_anchor"
    title = "This is not an anchor"


@dataclass(frozen=True, slots=True)
class Kept:
    """An anchor as it was kept somewhere: ``place`` says where, for people."""

    place: str
    anchor: Anchor


def read_anchors(path: Path) -> list[Kept]:
    """Read a file of anchors, or of the webhook bodies that brought them, one JSON document a line.

    A last line without its end that is no whole document was torn by a crash while it was written, and does not count.

    Raises:
        FileNotFoundError: there is no such file.
        BadAnchor: a line is something else, or there is no anchor in it at all.
    """
    *lines, last = path.read_bytes().split(b"\n")
    kept = list(_read(path, lines))
    with suppress(BadAnchor):
        kept += _read(path, [last], begin=len(lines) + 1)
    if not kept:
        raise BadAnchor(f"{path} holds no anchor: nothing could be compared with it.")
    return kept


def _read(path: Path, lines: Iterable[bytes], *, begin: int = 1) -> Iterator[Kept]:
    for number, line in enumerate(lines, begin):
        if line.strip():
            yield Kept(f"{path.name}:{number}", _anchor(line, f"{path}:{number}"))


def _anchor(line: bytes, place: str) -> Anchor:
    try:
        return msgspec.json.decode(line, type=Anchor)
    except msgspec.DecodeError as error:
        try:
            return msgspec.json.decode(line, type=_Delivered).data
        except msgspec.DecodeError:
            raise BadAnchor(f"{place} is not an anchor: {error}") from error
