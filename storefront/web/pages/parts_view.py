"""The small parts that the views of the shop page share: currencies, pictures, moments, contents, chances."""

from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from storefront.design.art import art, coin_pile, gem_pile, tint_class
from storefront.design.coins import coin, gem

CAPITALIZED = frozenset({"de", "lb"})
"""Languages in which every noun begins with a capital."""


@dataclass(frozen=True, slots=True)
class AssetName:
    """A virtual currency as pages name it: ``gems`` in running text, with its number of decimals.

    It is shown by the shop's own picture at ``icon_url``, else by a coin of its ``hue``, else by the gem.
    """

    code: str
    name: str
    exponent: int = 0
    hue: str | None = None
    icon_url: str | None = None

    @classmethod
    def titled(
        cls,
        code: str,
        title: str,
        exponent: int = 0,
        *,
        language: str = "en",
        hue: str | None = None,
        icon_url: str | None = None,
    ) -> "AssetName":
        """From the catalog's title, which is written as a heading: ``Gems`` -> ``gems``, but ``XP`` stays.

        ``language`` is the title's: in German nouns are written with a capital everywhere.
        """
        is_word = title[1:] == title[1:].lower() and language.split("-", maxsplit=1)[0] not in CAPITALIZED
        name = title[:1].lower() + title[1:] if is_word else title
        return cls(code, name, exponent, hue, icon_url)

    @property
    def heading(self) -> str:
        """The name at the start of a line: ``Gems``."""
        return self.name[:1].upper() + self.name[1:]

    def mark(self, size: int = 18) -> Markup:
        """Draw it small, to stand beside its name."""
        if self.icon_url is not None:
            return Markup('<img class="icon" src="{0}" width="{1}" height="{1}" alt="">').format(self.icon_url, size)
        return gem(size=size) if self.hue is None else coin(self.name, self.hue, size=size)

    def heap(self, amount_minor: int) -> "Picture":
        """Draw so much of it, to stand on a tile."""
        if self.icon_url is not None:
            return Picture.of(self.icon_url, self.code)
        whole = amount_minor // 10**self.exponent
        kind = gem_pile(whole) if self.hue is None else coin_pile(whole)
        return Picture(art(kind, self.code, hue=self.hue), tint_class(kind, self.code, hue=self.hue))


@dataclass(frozen=True, slots=True)
class Picture:
    """Drawn art and the class of the tile under it."""

    art: Markup
    tint: str

    @classmethod
    def of(cls, url: str, key: str) -> "Picture":
        """A picture of the shop's own."""
        drawn = Markup('<img class="art" src="{}" width="64" height="64" alt="" loading="lazy">').format(url)
        return cls(drawn, tint_class("default", key))


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant in words (UTC) and for machines; the script words it again in the reader's zone."""

    text: str
    iso: str

    @classmethod
    def at(cls, instant: datetime, text: str) -> "Moment":
        return cls(text=text, iso=instant.isoformat().replace("+00:00", "Z"))


@dataclass(frozen=True, slots=True)
class ChanceLine:
    """One line of a container's odds: ``60%`` (or ``Always``) and ``2 × Health potion``."""

    chance: str
    label: str


@dataclass(frozen=True, slots=True)
class ContentChip:
    """One part of a bundle: ``1,200 gems``, ``Rime Boots``."""

    label: str
    picture: Picture
