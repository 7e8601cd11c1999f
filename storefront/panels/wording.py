"""How something is meant, and instants in words."""

from enum import StrEnum

from storefront.core.clock import to_datetime


class Tone(StrEnum):
    """How something is meant; the words always say it too."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    PLAY = "play"
    """Amber: it waits for somebody, or is only a test."""
    INFO = "info"


def instant_words(at: int) -> str:
    """Word an instant (ms) to the minute: ``2 Feb 2031, 09:30 UTC``."""
    when = to_datetime(at)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"
