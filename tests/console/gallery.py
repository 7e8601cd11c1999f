"""Every part of the console on one page, drawn as its pages are: for tests, never served by a shop."""

from aiohttp import web

from storefront.console.desk import Menu, MenuItem
from storefront.console.drawing import STATIC as CONSOLE
from storefront.console.drawing import make_console_templates
from storefront.design import STATIC as DESIGN
from storefront.pages.frame import PageFrame
from storefront.pages.rendering import STATIC as PAGES
from storefront.pages.rendering import content_security_policy
from storefront.panels import Beside, Chip, Link, PageView, Search, Tone
from tests.console import gallery_sections as of

MENU = Menu(
    (
        (
            "",
            (
                MenuItem("Overview", "/console", "home"),
                MenuItem("Purchases", "/console/purchases", "bag"),
                MenuItem("Customers", "/console/customers", "users"),
            ),
        ),
        (
            "Keep an eye on",
            (
                MenuItem("Review", "/console/review", "shield", 3, Tone.PLAY),
                MenuItem("Books", "/console/books", "book"),
                MenuItem("Webhooks", "/console/webhooks", "webhook", 1284, Tone.BAD),
            ),
        ),
    ),
    "/console",
    of.LONG_NAME,
    "owner",
)
PROBLEM = {
    "detail": "An amount of EUR must be more than nothing, with at most 2 decimals.",
    "fields": {"amount": "must be more than nothing, with at most 2 decimals", "note": "is missing"},
    "path": "/refund",
    "form": "refund",
    "labels": {"amount": "Amount", "note": "Note"},
}


def whole() -> PageView:
    """Return a page of all sections."""
    beside = of.beside()
    return PageView(
        "Overview",
        [*of.figures(), *of.lists(), *of.told(), Beside((of.asked(), beside[:3])), *beside[3:]],
        hint="22 Oct to 20 Nov, against the 30 days before",
        search=Search("Customer, item, id or last 4 digits", "", {"span": "24h"}),
        chips=(Chip("Last 24 hours", "/all", is_chosen=True), Chip("Status", "/status")),
        switch=(Chip("7 d", "/p7"), Chip("30 d", "/p30", is_chosen=True), Chip("12 mo", "/p12")),
        exports=(Link("Export CSV", "/export"),),
        notes=of.notes(),
    )


def pair() -> PageView:
    """Return a list with the detail of one of its rows."""
    return PageView("Purchases", of.lists()[:1], detail=of.beside())


def render(view: PageView, *, theme: str | None = None, direction: str = "ltr") -> str:
    """Write a page out, as the desk does."""
    return (
        make_console_templates()
        .get_template("page.html")
        .render(
            page=PageFrame("Lowtide", "", theme=theme, direction=direction),
            menu=MENU,
            view=view,
            csrf="0" * 64,
            says="Refunded €9.99 to marisol_7.",
            problem=PROBLEM,
            typed={"amount": "€99,999.00"},
        )
    )


def gallery() -> web.Application:
    """Serve ``/`` and ``/pair`` under the policy of our pages, with ``?dir=rtl`` and ``?theme=dark`` as wished."""

    async def page(request: web.Request) -> web.Response:
        view = pair() if request.path == "/pair" else whole()
        html = render(view, theme=request.query.get("theme"), direction=request.query.get("dir", "ltr"))
        headers = {"Content-Security-Policy": content_security_policy()}
        return web.Response(text=html, content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/pair", page)
    app.router.add_static("/static/design", DESIGN)
    app.router.add_static("/static/pages", PAGES)
    app.router.add_static("/static/console", CONSOLE)
    return app
