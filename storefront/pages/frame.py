"""What every page of the shop shares, whoever serves it: its frame, news, and instants in words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Tone(StrEnum):
    """How a notice is meant; the words say it too."""

    GOOD = "good"
    BAD = "bad"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Link:
    """Where to go on; ``label`` says what is there."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class PageFrame:
    """What every page of the shop shares.

    ``theme`` is ``light``, ``dark`` or ``None`` for what the reader's system says. ``base`` is the path that the
    application is mounted under, without a trailing slash. ``accent_url`` links the shop's own accent, if it has one.
    """

    shop_name: str
    csrf: str
    publisher: str | None = None
    support_email: str | None = None
    sandbox: bool = False
    theme: str | None = None
    locale: str = "en"
    direction: str = "ltr"
    base: str = ""
    accent_url: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant in words (UTC) and for machines; the script words it again in the reader's zone."""

    text: str
    iso: str

    @classmethod
    def at(cls, instant: datetime, text: str) -> "Moment":
        return cls(text=text, iso=instant.isoformat().replace("+00:00", "Z"))
