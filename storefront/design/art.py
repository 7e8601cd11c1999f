"""Item art: drawn on the server as SVG, the same for the same item for ever.

Three flat tones lit from the top left and two extras; the kind comes from the item's type, the hue from a
hash of its id. Colours are presentation attributes, so that a strict ``style-src`` holds and a drawing
looks right outside a page too. The tile under it is tinted by class: ``tint_class``.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from storefront.design.drawings import COIN, DRAWINGS, GEM, PILES, Shape

HUES: Final = ("teal", "marigold", "berry", "slate", "moss", "clay")
KINDS: Final = ("gem", *(kind for kind in DRAWINGS))
"""Every kind that can be drawn; a ``gem`` may carry its pile: ``gem-1`` to ``gem-6``; ``coin-1`` to ``coin-6`` pile
coins."""

_CANDLE = "#FFE9AE"
TONES: Final[dict[str, dict[str, str]]] = {
    "teal": {"1": "#5CC3C9", "2": "#2197A1", "3": "#0B6069", "x": _CANDLE, "c": "#F0A41C"},
    "marigold": {"1": "#FFCF66", "2": "#F0A41C", "3": "#A96A00", "x": _CANDLE, "c": "#B0275B"},
    "berry": {"1": "#F08AAE", "2": "#CB4277", "3": "#8B1B47", "x": _CANDLE, "c": "#F5B01F"},
    "slate": {"1": "#9EB1F2", "2": "#637BCB", "3": "#384C93", "x": _CANDLE, "c": "#F0A41C"},
    "moss": {"1": "#B7C66C", "2": "#84963F", "3": "#4F5E21", "x": _CANDLE, "c": "#F5B01F"},
    "clay": {"1": "#EDAA86", "2": "#CC7449", "3": "#8A4420", "x": _CANDLE, "c": "#3FA6AE"},
}
"""hue -> its flat tones from light (``1``) to dark (``3``), and two extras (``x``, ``c``)."""

_PILE_HUES: Final = ("teal", "teal", "slate", "slate", "berry", "berry")
_PILE_STEPS: Final = (300, 1_000, 2_000, 5_000, 10_000)
_WORDS: Final[dict[str, str]] = {
    "blade": "sword", "dagger": "sword", "axe": "sword", "draught": "potion", "elixir": "potion", "flask": "potion",
    "boot": "boots", "shoes": "boots", "sandals": "boots", "cape": "cloak", "robe": "cloak", "tiara": "crown",
    "lamp": "lantern", "torch": "lantern", "bundle": "chest", "box": "chest", "satchel": "chest", "title": "flag",
    "banner": "flag", "armor": "shield", "armour": "shield", "tome": "book", "scroll": "book", "spell": "book",
    "gems": "gem", "coins": "gem", "crystals": "gem", "membership": "flame", "premium": "flame", "pro": "flame",
}  # fmt: skip


def art(kind: str, key: str, *, hue: str | None = None, title: str | None = None) -> Markup:
    """Draw an item: inline SVG, hidden from screen readers unless ``title`` names it.

    ``key`` is the item's id and decides the hue; ``hue`` overrides it (see ``HUES``). An unknown kind is
    drawn as a parcel, because a shop must not break over a word in its catalog.
    """
    pile = _pile(kind)
    tones = TONES[hue or (_PILE_HUES[pile - 1] if pile else hue_of(key))]
    drawing = DRAWINGS.get(kind, DRAWINGS["default"])
    piece = COIN if kind.startswith("coin-") else GEM
    inner = _heap(piece, pile, tones) if pile else _group(drawing.shapes, tones, drawing.transform)
    named = Markup('role="img"><title>{}</title>').format(title) if title else Markup('aria-hidden="true">')
    return Markup('<svg class="art" viewBox="0 0 64 64" width="64" height="64" {}{}</svg>').format(named, inner)


def hue_of(key: str) -> str:
    """One of the six hues; equal keys always get the same one, on every machine."""
    return HUES[hashlib.sha256(key.encode()).digest()[0] % len(HUES)]


def tint_class(kind: str, key: str, *, hue: str | None = None) -> str:
    """The class of the tile under this art: ``tint-teal``; takes what ``art`` takes."""
    pile = _pile(kind)
    return "tint-" + (hue or (_PILE_HUES[pile - 1] if pile else hue_of(key)))


def gem_pile(amount: int) -> str:
    """The pile for a pack of so many gems: ``gem-1`` … ``gem-6``; steps are fixed, so it never changes."""
    return f"gem-{_pile_size(amount)}"


def coin_pile(amount: int) -> str:
    """The pile for a pack of so many coins, by the same steps: ``coin-1`` … ``coin-6``; its hue is the currency's."""
    return f"coin-{_pile_size(amount)}"


def kind_of(sku: str) -> str:
    """Guess what to draw from the words of a SKU; ``default`` when none is known."""
    for word in reversed(re.findall(r"[a-z]+", sku.lower())):
        kind: str = _WORDS.get(word, word)
        if kind in KINDS and kind != "default":
            return kind
    return "default"


def _pile_size(amount: int) -> int:
    return 1 + sum(amount >= step for step in _PILE_STEPS)


def _pile(kind: str) -> int:
    """Pieces in the pile that ``kind`` names, or 0 when it is none of gems or coins."""
    found = re.fullmatch(r"gem(?:-([1-6]))?|coin-([1-6])", kind)
    return int(found[1] or found[2] or 1) if found else 0


def _heap(piece: Sequence[Shape], count: int, tones: dict[str, str]) -> Markup:
    pieces = (_group(piece, tones, f"translate({x:g} {y:g}) scale({scale:g})") for x, y, scale in PILES[count])
    return Markup("").join(pieces)


def _group(shapes: Sequence[Shape], tones: dict[str, str], transform: str) -> Markup:
    paths = Markup("").join(Markup('<path fill="{}" d="{}"/>').format(tones[tone], path) for tone, path in shapes)
    return Markup('<g transform="{}">{}</g>').format(transform, paths) if transform else paths
