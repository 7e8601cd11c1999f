"""Wallets: what players hold of each currency, where it came from and where it went."""

from collections.abc import Sequence

from markupsafe import Markup

from storefront.console.forms import text
from storefront.console.pages.overview import address
from storefront.console.words import link, money, spoken
from storefront.core.analytics.shapes import Part, WalletFlow
from storefront.core.analytics.sums import Rollups
from storefront.core.analytics.wallets import read_wallet, wallet_assets
from storefront.core.operating.wallets import held_by_customers
from storefront.design.charts import BarRow, TwoSided, as_table, two_sided_bars
from storefront.pages.lists import PERIOD_QUERY, period_asked, period_chips
from storefront.panels import Asking, Cell, Column, ConsolePage, Drawing, PageView, Row, Section, Table

PATH = "/console/wallets"


async def show(asking: Asking) -> PageView:
    """Show every currency of the shop, and one in and out."""
    services = asking.services
    rollups = await Rollups.current(services.reader)
    assets = await wallet_assets(services, rollups)
    shown = asking.query.get("asset") or next(iter(assets), None)
    flow = await read_wallet(services, rollups, shown, period_asked(asking))
    rows = [
        Row(
            (
                Cell(spoken(one["asset"]), is_strong=True),
                Cell(money(asking, one["held"], one["asset"]), is_strong=True),
                Cell(f"{one['wallets']:,}"),
            ),
            url=link(PATH, asking.query, asset=one["asset"]),
            is_chosen=one["asset"] == shown,
        )
        for one in await held_by_customers(services)
    ]
    columns = (Column("Currency"), Column("Held now", is_number=True), Column("Wallets", is_number=True))
    sections: list[Section] = [Table("Held by customers", columns, rows, empty="Nobody holds anything yet.")]
    if flow is not None:
        sections += [
            _in_and_out(asking, flow),
            _parts(asking, "Where it came from", flow, flow.sources),
            _parts(asking, "Where it went", flow, flow.sinks),
        ]
    return PageView("Wallets", sections, switch=period_chips(PATH, asking.query))


def _in_and_out(asking: Asking, flow: WalletFlow) -> Drawing:
    chart = TwoSided(
        f"{spoken(flow.asset)} in and out",
        tuple(BarRow(spoken(one.name), one.amount) for one in flow.sources),
        tuple(BarRow(spoken(one.name), one.amount) for one in flow.sinks),
        flow.asset,
        asking.language,
    )
    words = f"{money(asking, flow.held_before, flow.asset)} before, {money(asking, flow.held, flow.asset)} now"
    if not flow.sources and not flow.sinks:
        nothing = Markup("<p>{}</p>").format("Nothing came in or went out in this time.")
        return Drawing(chart.title, nothing, hint=words)
    return Drawing(chart.title, two_sided_bars(chart), as_table(chart), hint=words)


def _parts(asking: Asking, title: str, flow: WalletFlow, parts: Sequence[Part]) -> Table:
    rows = [
        Row(
            (
                Cell(spoken(one.name)),
                Cell(money(asking, one.amount, flow.asset), is_strong=True),
                Cell(f"{one.count:,}"),
                Cell(f"{float(one.share) * 100:.1f}%"),
            ),
            url=address(one.link),
        )
        for one in parts
    ]
    columns = (
        Column("What"),
        Column("Amount", is_number=True),
        Column("Times", is_number=True),
        Column("Share", is_number=True),
    )
    return Table(title, columns, rows, empty="Nothing in this time.")


def pages() -> list[ConsolePage]:
    """Return the page of wallets."""
    query = {"span": PERIOD_QUERY, "asset": text(64)}
    return [ConsolePage(PATH, "Wallets", "analytics:read", show, group="main", icon="wallet", query=query)]
