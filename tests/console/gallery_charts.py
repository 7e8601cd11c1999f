"""Charts with what is hard to draw, for the gallery and for tests of the charts themselves."""

import datetime

from storefront.design import charts
from storefront.design.charts import Annotation, BarList, BarRow, Cohort, Cohorts, Hour, Hours, Series, StackedBars

LONG_NAME = "Bartholomew Featherstonehaugh-Cholmondeley the Third"
FIRST = datetime.date(2026, 10, 22)
SALES = (
    260,
    270,
    410,
    360,
    320,
    260,
    270,
    290,
    300,
    500,
    420,
    340,
    355,
    350,
    310,
    300,
    430,
    520,
    310,
    305,
    390,
    330,
    740,
    560,
)
SALES = (*SALES, 460, 355, 380, 420, 400, 425)
FANS = (
    140,
    105,
    155,
    165,
    150,
    120,
    95,
    130,
    130,
    250,
    170,
    165,
    125,
    190,
    120,
    145,
    155,
    245,
    120,
    125,
    165,
    160,
    290,
    225,
)
FANS = (*FANS, 180, 180, 145, 160, 160, 185)
MEMBERS = (
    540,
    545,
    560,
    570,
    595,
    470,
    490,
    570,
    550,
    600,
    1040,
    510,
    575,
    530,
    540,
    505,
    500,
    485,
    555,
    515,
    565,
    510,
    580,
    500,
)
MEMBERS = (*MEMBERS, 555, 530, 575, 575, 590, 540)
BACK = (
    40,
    30,
    30,
    30,
    45,
    30,
    35,
    45,
    30,
    20,
    30,
    30,
    30,
    30,
    30,
    55,
    30,
    30,
    35,
    30,
    45,
    20,
    30,
    30,
    30,
    350,
    30,
    30,
    65,
    30,
)


def net_revenue(days: int = 30, *, locale: str = "en", linked: bool = False) -> StackedBars:
    """Thirty days in the shape of the design, or so many of them, over and over."""
    dates = tuple(FIRST + datetime.timedelta(days=day) for day in range(days))

    def over(amounts: tuple[int, ...], sign: int = 1) -> tuple[int, ...]:
        return tuple(100 * sign * amounts[day % 30] for day in range(days))

    return StackedBars(
        title="Net revenue per day, 22 October to 20 November: €31,869.78",
        days=dates,
        series=(
            Series("Sales", "c1", over(SALES)),
            Series("Fan funding", "c2", over(FANS)),
            Series("Memberships", "c4", over(MEMBERS)),
            Series("Refunds", "c6", over(BACK, -1)),
        ),
        unit="EUR",
        locale=locale,
        annotation=Annotation(dates[22], "€1,601 · Frozen Gates launch") if days > 22 else None,
        links=tuple(f"/day/{day}" for day in dates) if linked else (),
    )


FUNDING = BarList(
    "Fan funding by source",
    (
        BarRow("Tips", 206_500, "/tips"),
        BarRow("Gifted", 118_000),
        BarRow("Paid messages", 83_600),
        BarRow("Member share", 59_000),
        BarRow("Given back", -24_600),
        BarRow(LONG_NAME, 1_248_000 // 100),
    ),
    "EUR",
)
GEMS = charts.TwoSided(
    "Gems in and out",
    (BarRow("Bought", 1_280_000), BarRow("Memberships", 412_000), BarRow("Promos", 186_000), BarRow("Returned", 9_400)),
    (BarRow("Items", 1_100_000), BarRow("Upgrades", 389_000), BarRow("Gifts", 154_000), BarRow("Taken back", 12_600)),
    "gems",
)
COHORTS = Cohorts(
    "Of 100 who joined, still paying",
    (
        Cohort("Apr", 212, (176, 151, 131, 119, 106, 100, 89)),
        Cohort("May", 248, (203, 176, 151, 136, 117, 107)),
        Cohort("Jun", 301, (241, 202, 175, 144, 126)),
        Cohort("Jul", 287, (230, 198, 175, 146)),
        Cohort("Aug", 322, (270, 219, 190)),
        Cohort("Sep", 19, (18, 11)),
        Cohort("Oct", 12_418, (11_800,)),
        Cohort("Nov", 463, ()),
    ),
)


def deliveries(failed_from: int) -> Hours:
    hours = (Hour(f"{at % 24:02}:00", 40 if at != 5 else 0, 3 if at >= failed_from else 0) for at in range(48))
    return Hours("game-prod, last 48 hours", tuple(hours))


ZERO = StackedBars("Nothing yet", (FIRST,), (Series("Sales", "c1", (0,)),), "EUR")
ONE_DAY = StackedBars("One day", (FIRST,), (Series("Sales", "c1", (1_248_000,)),), "EUR")
