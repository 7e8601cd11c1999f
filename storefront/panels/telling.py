"""What is told in words: what happened, what is wrong, what waits for a person, what others wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storefront.core.clock import iso
from storefront.panels.forms import Form
from storefront.panels.tables import Cell, Link
from storefront.panels.wording import Tone, instant_words


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened, newest first in its list; ``at`` in ms. ``url`` is where more of it stands."""

    title: str
    detail: str
    at: int
    icon: str = "check"
    url: str | None = None

    @property
    def iso(self) -> str:
        return iso(self.at)

    @property
    def words(self) -> str:
        return instant_words(self.at)


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, newest first."""

    title: str
    entries: Sequence[Happened]


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence or two above all else: what is wrong, or new, and where to go; ``text`` may end in an instant (ms)."""

    tone: Tone
    strong: str
    text: str = ""
    link: Link | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A purchase that waits for a person: how suspicious, what it is, why in words, and the verbs.

    ``until`` (ms) is when it is decided by itself.
    """

    score: str
    tone: Tone
    sum: str
    who: str
    what: str
    reasons: Sequence[str]
    forms: Sequence[Form]
    url: str | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """Purchases that wait for a person."""

    title: str
    hint: str
    reviews: Sequence[Review]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody makes of a purchase: how suspicious, of 100 (None: they cannot tell), and why in words.

    In the review queue ``words`` says what reasons of the review mean, and ``forms`` are more verbs.
    """

    title: str
    score: int | None
    reasons: Sequence[str]
    tone: Tone = Tone.PLAIN
    words: Mapping[str, str] = field(default_factory=dict)
    forms: Sequence[Form] = ()
    more: Link | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody else wrote, whole: by ``who``, about what (``about``), and what can be done with it."""

    who: str
    text: str
    about: str = ""
    url: str | None = None
    badge: Cell | None = None
    forms: Sequence[Form] = ()


@dataclass(frozen=True, slots=True)
class Letters:
    """Texts of others, each in its own direction."""

    title: str
    letters: Sequence[Written]
    hint: str = ""
    empty: str = ""
