"""Names and messages of strangers: counted as people count, and free of what could change the page around them."""

import unicodedata

import regex

from storefront.core.errors import FieldError, Invalid

SHORTEST_NAME, LONGEST_NAME = 2, 25
MOST_MARKS = 6
"""Accents per character: writing that needs them has up to four; a tower of them covers the lines around it."""
MOST_POINTS = 12
"""Code points per character: an emoji of a family has eleven; a letter under a tower of accents has more."""
_CHARACTER = regex.compile(r"\X")
_SPACES = regex.compile(r"[\s\u2028\u2029]+")
_TURNS_TEXT = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINK = regex.compile(
    r"(?i)\b(?:[a-z][a-z0-9+.-]*://|www\.)\S|\b[\w-]+\.(?:[a-z]{2,3}|info|shop|store|online|site|website|link|live|stream"
    r"|club|blog|tech|space|page|games|game|chat|work|world|zone|team|money|casino|media|video|cloud|social|email)\b"
)
_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]")
_MARK = regex.compile(r"[\p{Mn}\p{Me}--\p{Default_Ignorable_Code_Point}]", regex.V1)


def count_characters(text: str) -> int:
    """Return how many characters people see: grapheme clusters (UAX #29)."""
    return len(_CHARACTER.findall(text))


def tidy(text: str) -> str:
    """Return a text in one line, composed, without spaces around it or side by side."""
    return str(_SPACES.sub(" ", unicodedata.normalize("NFC", text))).strip()


def name_of(text: str) -> str:
    """Return a fan's name as it is kept; raises ``Invalid`` at ``/name``."""
    name = _harmless(text, LONGEST_NAME, "/name")
    can_be_seen = any(unicodedata.category(one)[0] in "LNPS" for one in _UNSEEN.sub("", name))
    if count_characters(name) < SHORTEST_NAME or not can_be_seen:
        says = f"must be {SHORTEST_NAME} to {LONGEST_NAME} characters"
        raise Invalid("The name is too short.", errors=[FieldError("/name", says)])
    return name


def message_of(text: str, longest: int) -> str:
    """Return a message as it is kept, in at most so many characters; raises ``Invalid`` at ``/message``."""
    return _harmless(text, longest, "/message")


def cleaned(text: str, longest: int) -> str:
    """Return a text of another service as it can be shown: without what may not be, and cut where it is too long."""
    plain = "".join(one for one in tidy(text[: longest * MOST_POINTS * 4]) if not _is_harmful(one))
    found = tidy(plain)
    kept = [one for one in _CHARACTER.findall(found) if not _is_tower(one)]
    return "".join(kept[:longest]).strip()


def has_link(text: str) -> bool:
    """Tell whether a text leads somewhere, or reads as if it did."""
    return _LINK.search(_plain(text)) is not None


def has_word(text: str, words: list[str]) -> bool:
    """Tell whether a text has one of these words: in any capitals or width, inside another, with unseen characters."""
    plain = _plain(text)
    return any(_plain(word) in plain for word in words)


def _plain(text: str) -> str:
    return str(_UNSEEN.sub("", unicodedata.normalize("NFKC", text))).casefold()


def _harmless(text: str, longest: int, pointer: str) -> str:
    found = tidy(text)
    if any(_is_harmful(one) for one in found):
        raise Invalid("That cannot be shown.", errors=[FieldError(pointer, "must not hold control characters")])
    if any(map(_is_tower, _CHARACTER.findall(found))):
        says = f"must have at most {MOST_MARKS} accents on each character"
        raise Invalid("That cannot be shown.", errors=[FieldError(pointer, says)])
    if len(found) > longest * MOST_POINTS or count_characters(found) > longest:
        raise Invalid("That is too long.", errors=[FieldError(pointer, f"must be at most {longest} characters")])
    return found


def _is_tower(character: str) -> bool:
    return len(character) > MOST_POINTS or len(_MARK.findall(character)) > MOST_MARKS


def _is_harmful(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Co") or character in _TURNS_TEXT
