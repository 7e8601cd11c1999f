"""What the account page shows, as plain frozen values: the templates need nothing else and decide nothing.

All texts are ready to print and not yet escaped.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from storefront.pages import Link, PageFrame, Tone


@dataclass(frozen=True, slots=True)
class News:
    """What became of the last press. ``ask_again`` is the address the page goes to by itself while it waits."""

    tone: Tone
    text: str
    link: Link | None = None
    ask_again: str | None = None


@dataclass(frozen=True, slots=True)
class Badge:
    """One word on a card; ``kind`` is the badge's class: good, bad, play, info or empty."""

    label: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader has to know of a plan, and where to do something about it. ``kind``: bad, play or info."""

    kind: str
    text: str
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """A button that posts: its words, where to, and its hidden fields beside the page's own."""

    label: str
    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a plan is ended: folded away, with what happens in a sentence before the button that does it."""

    text: str
    act: Act


@dataclass(frozen=True, slots=True)
class PausingForm:
    """How a plan is paused: folded away, with what happens in a sentence, and for how many days it may be."""

    text: str
    days: tuple[tuple[int, str], ...]
    act: Act


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a receipt: its words and its sum, and in small print how that comes about."""

    label: str
    amount: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class UsageView:
    """What a plan has used so far, a line for each feature, and what is paid for that next."""

    lines: tuple[Figure, ...]
    totals: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class PlanCard:
    """One subscription that is not over. ``facts`` are its sentences: price, next date, what is kept or owed."""

    family: str
    title: str
    art: Markup
    tint: str
    badge: Badge
    facts: tuple[str, ...]
    notes: tuple[Note, ...]
    acts: tuple[Act, ...]
    ending: Ending | None
    is_changeable: bool
    pausing: PausingForm | None = None
    usage: UsageView | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One tier for one interval that can be chosen; ``act`` begins it where no subscription is to be changed.

    ``more`` are its lines beside the price: what usage costs, and what of before is paid with it.
    """

    value: str
    title: str
    detail: str
    price: str
    each: str
    art: Markup
    is_present: bool
    is_chosen: bool
    act: Act | None = None
    name: str = ""
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewView:
    """What a change would be, line by line. ``act`` makes exactly that change; ``other`` looks at other terms."""

    heading: str
    lines: tuple[Figure, ...]
    total: Figure
    facts: tuple[str, ...]
    act: Act
    other: Link | None


@dataclass(frozen=True, slots=True)
class Seats:
    """How many seats are wanted, from 1 to ``most``."""

    value: int
    most: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The tiers of a family: to change ``subscription`` to, or (None) to begin with. ``refusal`` is why not."""

    family: str
    heading: str
    subscription: str | None
    options: tuple[Option, ...]
    seats: Seats | None
    preview: PreviewView | None
    refusal: str | None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class MethodLine:
    """A saved payment method: ``pays`` says for what, ``badge`` that it runs out."""

    title: str
    detail: str
    badge: Badge | None


@dataclass(frozen=True, slots=True)
class Methods:
    """How money is paid: the methods that are charged, and the button that saves another one."""

    lines: tuple[MethodLine, ...]
    act: Act | None
    hint: str


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One purchase: when, for what, how much, how it stands, and its receipt."""

    day: str
    iso: str
    title: str
    amount: str
    badge: Badge
    link: Link | None


@dataclass(frozen=True, slots=True)
class AccountView:
    """The whole page. ``customer`` is None for a stranger, who sees no more than how to come in.

    ``notes`` are of plans that are over.
    """

    page: PageFrame
    customer: str | None
    news: News | None = None
    notes: tuple[Note, ...] = ()
    plans: tuple[PlanCard, ...] = ()
    choices: tuple[Choice, ...] = ()
    methods: Methods | None = None
    invoices: tuple[InvoiceLine, ...] = ()
    older: Link | None = None
