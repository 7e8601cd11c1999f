"""Pages of the console, their acts, and the parts that plugins add: what is declared, and who asks for it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storefront.core.exporting.lists import Narrowed
from storefront.core.services import Services
from storefront.panels.forms import Field
from storefront.panels.views import PageView, Section
from storefront.panels.wording import Tone

JsonSchema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who looks at a page or does something on it, and with what.

    ``actor`` is ``operator:opr_…``, ``may`` tells whether their role has a scope. ``path`` are the parameters of the
    address, ``query`` those behind the question mark, ``form`` the checked fields of a form. ``key`` is the form's own
    idempotency key: the same form sent twice does its thing once. ``language`` words amounts.
    """

    services: Services
    actor: str
    scopes: frozenset[str]
    language: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    panels: "Callable[[Asking, str, str], Awaitable[Sequence[Section]]] | None" = None
    """What plugins add to a place of the core's pages, about an object: asked by those pages."""

    async def parts(self, place: str, about: str) -> Sequence["Section"]:
        """Return what plugins add to a place of a page about an object."""
        return () if self.panels is None else await self.panels(self, place, about)

    def may(self, scope: str) -> bool:
        """Tell whether their role has a scope."""
        return "*" in self.scopes or scope in self.scopes


@dataclass(frozen=True, slots=True)
class Done:
    """An act is done: where its page goes on, and what it says there (a key of ``ConsoleAct.says``)."""

    url: str
    says: str = "done"


@dataclass(frozen=True, slots=True)
class Sure:
    """An act asks first, on a page of its own: ``explains`` says what will have happened, ``fields`` are asked there.

    For what takes something away for good (a ``Form`` of tone BAD). The act is done once ``sure`` comes with it.
    ``shows`` looks what it would do now.
    """

    explains: str
    fields: Sequence[Field] = ()
    shows: Callable[[Asking], Awaitable["Foreseen"]] | None = None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an act would do, shown before it does it; ``is_possible`` is False where it would be refused."""

    sections: Sequence["Section"]
    is_possible: bool = True


@dataclass(frozen=True, slots=True)
class ConsoleAct:
    """What a form of a page does. ``fields`` are the JSON Schemas of its fields; ``needed`` those that must be there.

    ``asks_proof``: whoever does it must have proved in the last minutes who they are (step-up), always or where the
    function says so. ``says`` words what is said afterwards. What ``do`` raises is shown on the page again. ``sure``
    makes it ask first. ``words`` says what it does to whom ("Refund €1.99 to cleo") where it asks: first, or for proof.
    """

    name: str
    scope: str
    do: Callable[[Asking], Awaitable["Done | PageView"]]
    fields: Mapping[str, JsonSchema] = field(default_factory=dict)
    needed: Sequence[str] = ()
    asks_proof: bool | Callable[[Asking], Awaitable[bool]] = False
    says: Mapping[str, str] = field(default_factory=dict)
    sure: Sure | None = None
    words: Callable[[Asking], Awaitable[str]] | None = None


@dataclass(frozen=True, slots=True)
class ShownList:
    """The list that a page shows, as an export: its ``name``, and which of its rows the page's filters leave.

    The page gets a button that takes out what it shows, by the same filters. Where ``narrow`` returns None, what it
    shows is not that list, and there is no button.
    """

    name: str
    narrow: Callable[[Asking], Awaitable[Narrowed | None]]


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One page of the console, under ``/console``, for operators with ``scope``.

    ``group`` is ``main``, ``watch`` or ``setup`` for a page in the menu, empty for one that others lead to; ``counts``
    tells how many things wait there, and how that is meant. ``query`` are the JSON Schemas of its query parameters.
    ``says`` words what acts of other pages say here. ``takes_out`` is the list on it, for who wants it as a file.
    ``plugin`` is set by the shop: whose it is.
    """

    path: str
    label: str
    scope: str
    show: Callable[[Asking], Awaitable[PageView]]
    group: str = ""
    icon: str = "info"
    query: Mapping[str, JsonSchema] = field(default_factory=dict)
    acts: Sequence[ConsoleAct] = ()
    says: Mapping[str, str] = field(default_factory=dict)
    counts: Callable[[Services], Awaitable[tuple[int, Tone]]] | None = None
    takes_out: ShownList | None = None
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class ConsolePanel:
    """A part that a plugin adds to one of the core's pages.

    ``place`` is ``overview``, ``customer`` (``about`` is their id), ``purchase`` or ``review`` (``about`` is the
    purchase's id). To a review only an ``Opinion`` is added. ``plugin`` is set by the shop: whose part it is.
    """

    place: str
    scope: str
    show: Callable[[Asking, str], Awaitable[Sequence[Section]]]
    plugin: str = ""
