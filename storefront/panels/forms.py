"""Forms: what an operator can do on a page, and what they fill in."""

from collections.abc import Sequence
from dataclasses import dataclass

from storefront.panels.wording import Tone


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form; ``kind`` is text, number, textarea, select, checkbox, password or hidden."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    value: str = ""
    choices: Sequence[tuple[str, str]] = ()
    is_required: bool = True
    autocomplete: str = "off"
    longest: int = 500


@dataclass(frozen=True, slots=True)
class Form:
    """What an operator can do here: posted to ``action``, which is an act of the page.

    ``tone`` BAD is for what takes something away. ``explains`` says what happens. ``is_folded``: it opens on demand.
    """

    action: str
    button: str
    fields: Sequence[Field] = ()
    title: str = ""
    explains: str = ""
    tone: Tone = Tone.PLAIN
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Acts:
    """Several small forms side by side, under a sentence or two."""

    forms: Sequence[Form]
    title: str = ""
