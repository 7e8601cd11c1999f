"""Countries by their two letters (ISO 3166), as tax tables and receipts name them."""

from functools import cache

from babel import Locale

_NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
"""What CLDR lists beside countries: unions, outlying islands, and codes for tests."""


def is_country(code: str) -> bool:
    """Tell whether these are the two letters of a country."""
    return code in _names("en")


def country_name(code: str, language: str = "en") -> str:
    """Return a country's name in a language (``DE`` -> ``Germany``), or what was given if it is none.

    Of a jurisdiction inside a country (``US-CA``) the country is named: ``United States (CA)``.
    """
    country, _, region = code.partition("-")
    name = _names(language).get(country, country)
    return f"{name} ({region})" if region else name


@cache
def _names(language: str) -> dict[str, str]:
    territories = Locale.parse(language, sep="-").territories
    return {code: str(name) for code, name in territories.items() if code.isalpha() and code not in _NO_COUNTRIES}
