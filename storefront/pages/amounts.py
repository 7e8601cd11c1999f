"""Amounts as pages write them: money in the reader's language, virtual currencies with their names."""

from dataclasses import dataclass

from storefront.core.catalog import text_in
from storefront.core.services import Services
from storefront.design.money import format_money, format_virtual

CAPITALIZED = frozenset({"de", "lb"})
"""Languages in which every noun begins with a capital."""


@dataclass(frozen=True, slots=True)
class AssetName:
    """A virtual currency as pages name it: ``gems`` in running text, with its number of decimals."""

    code: str
    name: str
    exponent: int = 0

    @classmethod
    def titled(cls, code: str, title: str, exponent: int = 0, *, language: str = "en") -> "AssetName":
        """From the catalog's title, which is written as a heading: ``Gems`` -> ``gems``, but ``XP`` stays.

        ``language`` is the title's: in German nouns are written with a capital everywhere.
        """
        is_word = title[1:] == title[1:].lower() and language.split("-", maxsplit=1)[0] not in CAPITALIZED
        return cls(code, title[:1].lower() + title[1:] if is_word else title, exponent)

    @property
    def heading(self) -> str:
        """The name at the start of a line: ``Gems``."""
        return self.name[:1].upper() + self.name[1:]


def asset_names(services: Services, language: str) -> dict[str, AssetName]:
    """Return ``code -> name`` of the virtual currencies."""
    catalog = services.catalogs.active
    names = {}
    for code, asset in catalog.assets.items():
        title = text_in(asset.title, language, catalog.default_language) or code
        written_in = next((one for one, text in (asset.title or {}).items() if text == title), language)
        names[code] = AssetName.titled(code, title, asset.exponent, language=written_in)
    return names


def amount_words(services: Services, language: str, amount_minor: int, currency: str) -> str:
    """Word an amount of an asset: ``€4.99`` or ``480 gems``."""
    if services.catalogs.active.is_virtual(currency):
        asset = asset_names(services, language)[currency]
        return format_virtual(amount_minor, asset.name, language, exponent=asset.exponent)
    return format_money(amount_minor, currency, language)
