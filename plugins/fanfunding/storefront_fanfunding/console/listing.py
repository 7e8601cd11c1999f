"""The list of creators: what each can be paid, what waits, what they owe, and whether their overlay is there."""

from storefront.core.errors import NotFound
from storefront.panels import Asking, Cell, Column, PageView, Row, Section, Table, Tone
from storefront_fanfunding.config import Settings
from storefront_fanfunding.console.figures import Given, of_all, switches
from storefront_fanfunding.console.reading import Stand, identities, overlays_of_all, stands
from storefront_fanfunding.console.words import PATH, sums
from storefront_fanfunding.creators import all_creators
from storefront_fanfunding.overlay_tokens import is_connected

_COLUMNS = (
    Column("Creator"),
    Column("Can be paid", is_number=True),
    Column("Waits", is_number=True),
    Column("Owes", is_number=True),
    Column("Tips, 30 days", is_number=True),
    Column("Overlay"),
)


async def show_list(asking: Asking, settings: Settings) -> PageView:
    """Show every creator: those of the catalog in its order, then those who left it and have been tipped."""
    services = asking.services
    ours, there = await identities(services), {one.name: one.shown_name for one in all_creators(services, settings)}
    found, screens = await stands(services), await overlays_of_all(services)
    rows = []
    for name in [*there, *sorted(ours.keys() - there.keys())]:
        identity = ours.get(name, "")
        stand, overlay = found.get(identity) or Stand(), screens.get(identity)
        if overlay is None:
            screen = Cell("No link", tone=Tone.PLAIN)
        else:
            is_there = is_connected(services, overlay)
            screen = Cell("Connected", tone=Tone.GOOD) if is_there else Cell("Not connected", tone=Tone.PLAIN)
        tips = f"{stand.tips:,} · {sums(asking, stand.lately)}" if stand.tips else "–"
        rows.append(
            Row(
                (
                    Cell(there.get(name, name), is_name=True, hint=name if name in there else f"{name} (left)"),
                    Cell(sums(asking, stand.ready), is_strong=True),
                    Cell(sums(asking, stand.waiting)),
                    Cell(sums(asking, stand.owed)),
                    Cell(tips),
                    screen,
                ),
                url=f"{PATH}/{name}",
            )
        )
    given = await Given.of(asking)
    spans, currencies = switches(asking, PATH, given)
    names = {identity: name for name, identity in ours.items()}
    sections: list[Section] = [
        Table("Creators", _COLUMNS, rows, empty="No creators yet. Each is a file that the configuration names."),
        await of_all(asking, given, names),
    ]
    return PageView("Creators", sections, switch=spans, chips=currencies)


async def need_identity(asking: Asking, settings: Settings) -> tuple[str, str | None]:
    """Return a creator's shown name and our id (None before they were tipped or invited); raises ``NotFound``."""
    services, name = asking.services, asking.path["name"]
    there = {one.name: one.shown_name for one in all_creators(services, settings)}
    identity = (await identities(services)).get(name)
    if name not in there and identity is None:
        raise NotFound("There is no such creator.")
    return there.get(name, name), identity
