"""The catalog: what is on sale, and what the YAML as it lies there would change."""

import asyncio
from collections.abc import Callable, Sequence

from storefront.console.words import link, money, offer_title, spoken
from storefront.core.catalog import document_of, load_catalog
from storefront.core.catalog_changes import CatalogEffects, Change, changes
from storefront.core.config import Config, ConfigError
from storefront.core.config.model import Offer
from storefront.core.paid_again import PaidAgain
from storefront.panels import Asking, Cell, Column, ConsolePage, Note, PageView, Row, Section, Table, Tone

PATH = "/console/catalog"


class CatalogPage:
    """The page of the catalog; ``read`` reads the YAML anew, ``effects`` are those of plugins."""

    def __init__(self, read: Callable[[], Config] | None, effects: Sequence[CatalogEffects]) -> None:
        self._read = read
        self._effects = effects

    async def show(self, asking: Asking) -> PageView:
        """Show what is on sale, and what the YAML as it lies there would change."""
        catalog, sections = asking.services.catalogs.active, list[Section]()
        sections.append(await self._differences(asking))
        rows = [
            Row(
                (
                    Cell(offer_title(asking, sku), is_strong=True, hint=sku),
                    Cell(spoken(offer.kind)),
                    Cell(_prices(asking, offer), is_long=True),
                    Cell("On sale", tone=Tone.GOOD) if not offer.hidden else Cell("Not listed", tone=Tone.PLAIN),
                ),
                url=link("/console/purchases", {}, sku=sku),
            )
            for sku, offer in catalog.offers.items()
        ]
        columns = (Column("Offer"), Column("Kind"), Column("Price", is_number=True), Column("State"))
        sections.append(Table("On sale", columns, rows, empty="Nothing is on sale."))
        return PageView("Catalog", sections, hint=f"Version {catalog.version[:12]}")

    async def _differences(self, asking: Asking) -> Section:
        if self._read is None:
            return Note(
                Tone.INFO, "This server does not read its YAML again.", "Compare with storefront check --against-live."
            )
        try:
            wanted = await asyncio.to_thread(self._read)
        except ConfigError as wrong:
            return _mistakes(wrong)
        services = asking.services
        catalog = load_catalog(*document_of(wanted))
        async with services.reader.connect() as connection:
            _, found = await connection.run_sync(lambda one: changes(one, catalog, self._effects))
        rows = [_difference(one) for one in found]
        columns = (Column("Change"), Column("What"), Column("How"), Column("Concerns", is_number=True))
        empty = "Nothing: what is on sale is what the YAML says."
        return Table("What storefront reload would change", columns, rows, empty=empty)


def _mistakes(wrong: ConfigError) -> Table:
    rows = [
        Row((Cell(f"{one.file}:{one.line}:{one.column}"), Cell(one.path), Cell(one.message))) for one in wrong.mistakes
    ]
    columns = (Column("Where"), Column("What"), Column("Mistake"))
    return Table("The YAML has mistakes: the catalog stays as it is", columns, rows)


def _difference(one: Change) -> Row:
    told = [f"{part.what}: {part.before or 'none'} → {part.after or 'none'}" for part in one.differences]
    told += [effect.says for effect in one.effects]
    cells = (
        Cell(spoken(one.change), tone=Tone.PLAY),
        Cell(f"{spoken(one.about)} {one.name}"),
        Cell("; ".join(told) or "–"),
        Cell(str(one.open_purchases or one.owners or "–")),
    )
    return Row(cells)


def _prices(asking: Asking, offer: Offer) -> str:
    """Word an offer's prices, with how often they are paid; of those for certain countries, that they are."""
    again = asking.services.kind_as(offer.kind, PaidAgain)
    by_interval = {"": offer.prices} if again is None else again.prices_each(offer)
    found = [
        f"{money(asking, amount, currency)} {often}".strip()
        for often, prices in by_interval.items()
        for currency, amount in prices.items()
    ]
    found += [f"{money(asking, one.amount, one.currency)} {'+'.join(one.countries)}".strip() for one in offer.listed]
    return ", ".join(found) or "–"


def pages(read: Callable[[], Config] | None, effects: Sequence[CatalogEffects]) -> list[ConsolePage]:
    """Return the page of the catalog."""
    page = CatalogPage(read, effects)
    return [ConsolePage(PATH, "Catalog", "catalog:read", page.show, group="setup", icon="tag")]
