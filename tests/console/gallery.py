"""Every part of the console on one page, with data that is hard to show: for tests, never served by a shop."""

import datetime
from pathlib import Path

from aiohttp import web
from markupsafe import Markup

from storefront.design import STATIC as DESIGN
from storefront.design import asset_url, charts
from storefront.design.art import art
from storefront.design.charts import Annotation, BarList, BarRow, Cohort, Cohorts, Hour, Hours, Series, StackedBars
from storefront.design.icons import icon
from storefront.design.templates import environment
from storefront.pages.rendering import STATIC as PAGES
from storefront.pages.rendering import content_security_policy

HERE = Path(__file__).parent
CONSOLE = Path(charts.__file__).parents[2] / "console"
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
ROWS = [
    ("23:52", "marisol_7", "1,200 gems", "€9.99", "completed"),
    ("23:41", LONG_NAME, "Winter Tide bundle with everything that was ever in it", "€14.99", "completed"),
    ("23:17", "لیلى", "Tip to Juno Vale", "€10.00", "paid"),
    ("22:58", "gatekeeper99", "15,000 gems", "€99.99", "in_review"),
    ("22:30", "たけし", "Flame, monthly", "€7.99", "completed"),
    ("21:44", "oda.nobu", "7,000 gems", "€49.99", "failed"),
    ("21:02", "Ana-Lucía Fernández", "2,600 gems", "€19.99", "refunded"),
    ("20:37", "studio-bulk-eu", "Site licence, 40 seats", "€12,480.00", "completed"),
    ("19:20", "kestrel", "Ember, monthly", "€3.99", "disputed"),
]


def render(*, theme: str | None = None, direction: str = "ltr") -> str:
    """Write the page out; its parts are in ``gallery.html``."""
    templates = environment([HERE, CONSOLE / "templates"])
    templates.globals.update(art=art, icon=icon, charts=charts)
    return templates.get_template("gallery.html").render(
        theme=theme,
        direction=direction,
        design_url=asset_url,
        console_css=asset_url("console.css", folder=CONSOLE / "static", mount="/static/console"),
        long_name=LONG_NAME,
        rows=ROWS,
        net=net_revenue(),
        linked=net_revenue(90, linked=True),
        year=net_revenue(366, locale="de"),
        zero=ZERO,
        one_day=ONE_DAY,
        funding=FUNDING,
        gems=GEMS,
        cohorts=COHORTS,
        hours=[deliveries(44), deliveries(48)],
        courses=[(1, 2, 3, 2, 4, 5, 5, 6, 8), (9, 8, 8, 7, 5, 4, 4, 3, 3), (2, 2), (5,)],
        Markup=Markup,
    )


def gallery() -> web.Application:
    """Serve the page under the policy of our pages, with ``?dir=rtl`` and ``?theme=dark`` as wished."""

    async def page(request: web.Request) -> web.Response:
        html = render(theme=request.query.get("theme"), direction=request.query.get("dir", "ltr"))
        headers = {"Content-Security-Policy": content_security_policy()}
        return web.Response(text=html, content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_static("/static/design", DESIGN)
    app.router.add_static("/static/pages", PAGES)
    app.router.add_static("/static/console", CONSOLE / "static")
    return app
