"""What the shop page shows of a customer's things: what they own, what is asked before one is gone, what came out."""

from collections.abc import Mapping
from dataclasses import dataclass

from storefront.web.pages.parts_view import ChanceLine, ContentChip, Picture


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """One of several units of a thing to choose from: its ``value`` in the form, and ``No. 7``."""

    id: str
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before something is gone for good, and on the button that does it.

    ``choices`` are there where the customer has several units that are told apart.
    """

    words: str
    answer: str
    choices: tuple[UnitChoice, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class UseForm:
    """How a thing is used: ``verb`` (``consume``, ``open``) is the end of the form's address, ``fields`` are hidden.

    ``name`` is the whole sentence for screen readers. With a ``question`` nothing happens before it is answered.
    """

    verb: str
    label: str
    name: str
    fields: Mapping[str, str]
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """One thing the customer owns. ``use`` is there where they may use it themselves, ``chances`` of what is opened."""

    sku: str
    title: str
    picture: Picture
    status: str
    use: UseForm | None
    chances: tuple[ChanceLine, ...] = ()
    chances_title: str = ""


@dataclass(frozen=True, slots=True)
class OpenedPanel:
    """What came out of a container that was just opened.

    ``gave`` is all of it, ``withheld`` what there was no room for, ``again`` opens the next one.
    """

    title: str
    picture: Picture
    gave: tuple[ContentChip, ...]
    withheld: tuple[str, ...]
    chances: tuple[ChanceLine, ...]
    chances_title: str
    number: str
    id: str
    again: UseForm | None
