"""Amounts as pages write them: money in the reader's language, virtual currencies with their names and looks."""

from dataclasses import dataclass

from markupsafe import Markup

from storefront.core.catalog import text_in
from storefront.core.services import Services
from storefront.design.art import art, coin_pile, gem_pile, tint_class
from storefront.design.coins import coin, gem, looks_of
from storefront.design.money import format_money, format_unit_price, format_virtual

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


def asset_names(services: Services, language: str) -> dict[str, AssetName]:
    """Return ``code -> name`` of the virtual currencies."""
    catalog = services.catalogs.active
    names, looks = {}, looks_of(catalog.assets)
    for code, asset in catalog.assets.items():
        title = text_in(asset.title, language, catalog.default_language) or code
        written_in = next((one for one, text in (asset.title or {}).items() if text == title), language)
        names[code] = AssetName.titled(
            code, title, asset.exponent, language=written_in, hue=looks[code], icon_url=asset.icon
        )
    return names


def amount_words(services: Services, language: str, amount_minor: int, currency: str) -> str:
    """Word an amount of an asset: ``€4.99`` or ``480 gems``."""
    if services.catalogs.active.is_virtual(currency):
        asset = asset_names(services, language)[currency]
        return format_virtual(amount_minor, asset.name, language, exponent=asset.exponent)
    return format_money(amount_minor, currency, language)


def price_words(services: Services, language: str, millionths: int, currency: str) -> str:
    """Word what a unit of usage costs, in millionths of the smallest unit: ``$0.005`` or ``0.5 gems``."""
    if services.catalogs.active.is_virtual(currency):
        asset = asset_names(services, language)[currency]
        return format_virtual(millionths, asset.name, language, exponent=asset.exponent + 6)
    return format_unit_price(millionths, currency, language)
