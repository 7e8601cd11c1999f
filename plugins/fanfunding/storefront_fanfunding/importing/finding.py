"""Importers that are installed, by name: our own, and those of other packages' entry points."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

from storefront_fanfunding.importing.contributions import Importer
from storefront_fanfunding.importing.kofi import Kofi

GROUP = "storefront_fanfunding.importers"


@cache
def importers() -> Mapping[str, type[Importer]]:
    """Return name -> importer; one of ours cannot be replaced."""
    others = {point.name: point.load() for point in entry_points(group=GROUP)}
    return MappingProxyType({**others, Kofi.name: Kofi})
