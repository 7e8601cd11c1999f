"""Fan funding: what fans gave, by where it came from and to whom. Plugins say what counts (``Figure.area``)."""

from collections.abc import Mapping

from storefront.core.analytics.metrics import FAN_FUNDING, Figure
from storefront.core.analytics.periods import Period
from storefront.core.analytics.shapes import Parts, link, part_of
from storefront.core.analytics.sums import Rollups
from storefront.core.services import Services


def figures_of(services: Services, area: str) -> list[Figure]:
    """Return the figures that plugins bring to one area."""
    return [figure for figure in services.figures.figures if figure.area == area]


async def read_funding(services: Services, rollups: Rollups, currency: str, period: Period) -> Parts:
    """Return what fans gave in a period by source (tips, pledges, …), as they gave it: nothing is taken off."""
    names = [figure.name for figure in figures_of(services, FAN_FUNDING)]
    rows = await rollups.sums(names, currency, period, by=("kind",)) if names else []
    given: dict[str, tuple[int, int]] = {}
    for row in rows:
        amount, count = given.get(row["kind"], (0, 0))
        given[row["kind"]] = (amount + row["amount"], count + row["count"])
    return parts_of(given, currency, period, to="purchases")


def parts_of(found: Mapping[str, tuple[int, int]], currency: str, period: Period, *, to: str) -> Parts:
    """Return ``name -> (amount, count)`` as lines, the largest first, each with its share of the sum."""
    total = sum(amount for amount, _ in found.values())
    ordered = sorted(found.items(), key=lambda one: (-one[1][0], one[0]))
    return Parts(currency, total, [part_of(name, *sums, total, link(to, period, currency=currency, source=FAN_FUNDING))
                                   for name, sums in ordered])  # fmt: skip
