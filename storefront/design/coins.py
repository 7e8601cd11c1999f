"""How each virtual currency of a shop is told apart: a cut gem for one that is called so, else a coin with its letter.

No two of the first six look alike: the hue comes from a hash of the code, and one that is taken already goes on to the
next that is free. What stands earlier in the catalog keeps its looks when something is added after it.
"""

from collections.abc import Iterable
from typing import Final

from markupsafe import Markup

from storefront.design.art import HUES, TONES, hue_of
from storefront.design.icons import icon

GEM_HUE: Final = "marigold"
"""The hue of the gem: it is drawn in the amber of prices and wallets."""

_GEMS: Final = ("gem", "crystal", "diamond", "jewel", "ruby", "rubies", "sapphire", "emerald")


def looks_of(codes: Iterable[str]) -> dict[str, str | None]:
    """Return ``code -> hue of its coin``, in the order given; None is the gem, which one currency has at most."""
    found: dict[str, str | None] = {}
    taken: set[str] = set()
    has_gem = False
    for code in codes:
        if not has_gem and any(word in code.lower() for word in _GEMS):
            has_gem, found[code] = True, None
            taken.add(GEM_HUE)
            continue
        found[code] = _free_hue(code, taken)
        taken.add(str(found[code]))
    return found


def coin(name: str, hue: str, *, size: int = 18) -> Markup:
    """Draw a coin with the first letter of a name, hidden from screen readers: the name stands beside it."""
    tones = TONES[hue]
    letter = next((sign for sign in name if sign.isalnum()), name[:1]).upper()[:1]
    return Markup(
        '<svg class="icon coin" viewBox="0 0 24 24" width="{0}" height="{0}" aria-hidden="true">'
        '<circle cx="12" cy="12" r="11" fill="{1}"/><circle cx="12" cy="12" r="9.2" fill="{2}"/>'
        '<text x="12" y="12" dy="0.36em" fill="#FFFFFF" font-size="12" text-anchor="middle">{3}</text>'
        "</svg>"
    ).format(size, tones["1"], tones["3"], letter)


def gem(*, size: int = 18) -> Markup:
    """Draw the gem."""
    return icon("gem", size=size)


def _free_hue(code: str, taken: set[str]) -> str:
    first = HUES.index(hue_of(code))
    turned = (*HUES[first:], *HUES[:first])
    return next((hue for hue in turned if hue not in taken), turned[0])
