"""Contributions that fans gave elsewhere: shown and counted here, and never in the shop's books.

An importer is a class like ``Kofi``, named by an entry point of the group ``storefront_fanfunding.importers``.
"""

from storefront_fanfunding.importing.contributions import Contribution, Importer
from storefront_fanfunding.importing.finding import importers

__all__ = ["Contribution", "Importer", "importers"]
