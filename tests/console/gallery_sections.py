"""Every part that a console page can be made of, filled with what is hard to show."""

from collections.abc import Sequence

from markupsafe import Markup

from storefront.core.clock import parse_iso
from storefront.design import charts
from storefront.panels import (
    Acts,
    Beside,
    Cell,
    Column,
    Drawing,
    Field,
    Form,
    Happened,
    LedgerEntry,
    Letters,
    Line,
    Lines,
    Link,
    Note,
    Opinion,
    Queue,
    Review,
    Row,
    Section,
    Table,
    Tile,
    Tiles,
    Timeline,
    Tone,
    Written,
)
from tests.console.gallery_charts import (
    COHORTS,
    FUNDING,
    GEMS,
    LONG_NAME,
    ONE_DAY,
    ZERO,
    deliveries,
    net_revenue,
)

EVENING = parse_iso("2026-11-20T23:52:31Z")
HIDDEN = (Field("id", "id", "hidden", value="x"),)
STATES = {
    "Completed": Tone.GOOD,
    "Paid, goods owed": Tone.PLAY,
    "In review": Tone.PLAY,
    "Declined": Tone.BAD,
    "Refunded": Tone.PLAIN,
    "Disputed": Tone.BAD,
    "Challenged": Tone.INFO,
}
BOUGHT = (
    ("marisol_7", "1,200 gems", "€9.99", "Completed"),
    (LONG_NAME, "Winter Tide bundle with everything that was ever in it", "€14.99", "Completed"),
    ("لیلى", "Tip to Juno Vale", "€10.00", "Paid, goods owed"),
    ("gatekeeper99", "15,000 gems", "€99.99", "In review"),
    ("たけし", "Flame, monthly", "€7.99", "Challenged"),
    ("oda.nobu", "7,000 gems", "€49.99", "Declined"),
    ("Ana-Lucía Fernández", "2,600 gems", "€19.99", "Refunded"),
    ("studio-bulk-eu", "Site licence, 40 seats", "€12,480.00", "Completed"),
    ("kestrel", "Ember, monthly", "€3.99", "Disputed"),
)
COLUMNS = (Column("When"), Column("Customer"), Column("Bought"), Column("Amount", is_number=True), Column("Status"))


def purchases() -> list[Row]:
    return [
        Row(
            (
                Cell.when(EVENING - 600_000 * at),
                Cell(who, is_name=True),
                Cell(what),
                Cell(amount, is_strong=True),
                Cell(state, tone=STATES[state]),
            ),
            url=f"/purchases/{at + 1}",
            is_chosen=at == 0,
        )
        for at, (who, what, amount, state) in enumerate(BOUGHT)
    ]


def figures() -> list[Section]:
    """Tiles and charts."""
    rising, falling, flat = (charts.sparkline(course) for course in ((1, 2, 3, 2, 4, 8), (9, 8, 5, 4, 3), (2, 2)))
    net, linked, year = net_revenue(), net_revenue(90, linked=True), net_revenue(366, locale="de")
    tiles = (
        Tile("Monthly recurring", "€18,420", "4.2%", True, Tone.GOOD, "was €17,678", spark=rising),
        Tile("Churn", "3.1%", "0.4 pt", False, Tone.GOOD, "was 3.5%", spark=falling),
        Tile("Per member", "€12,480.00", "€0.12", True, Tone.GOOD, "was €12,479.88", "/per-member", flat),
        Tile("Lifetime value", "€1,248,000.00", "€6", False, Tone.BAD, "was €1,248,006.00", spark=rising),
        Tile("Churn", "–", was="Needs a first member"),
        Tile("Violations", "2", was="checked 2026-11-20 01:10 UTC", tone=Tone.BAD),
    )
    nothing = Markup('<div class="empty"><p class="empty__title">{}</p><p class="empty__text">{}</p></div>')
    plain = nothing.format("Your first sale lands here", "One bar for each day. Refunds hang below the line.")
    revenue = Drawing("Net revenue per day", charts.stacked_bars(net), charts.as_table(net), "€31,869.78", "8.6%", True,
                      Tone.GOOD, "In other currencies: $12.00.", charts.legend(net), "/books")  # fmt: skip
    funding = Drawing("Fan funding by source", charts.bar_list(FUNDING), charts.as_table(FUNDING), "€4,918.00",
                      hint="Your share, after paying 38 creators.")  # fmt: skip
    kept = Drawing("Of 100 who joined, still paying", charts.cohort_table(COHORTS), charts.as_table(COHORTS),
                   aside=charts.cohort_key())  # fmt: skip
    gems = Drawing("Gems in and out", charts.two_sided_bars(GEMS), charts.as_table(GEMS), "+234,310")
    leading = Drawing("90 days that lead somewhere", charts.stacked_bars(linked), charts.as_table(linked),
                      aside=charts.legend(linked))  # fmt: skip
    return [
        Tiles(tiles, title="How it goes"),
        Beside(((revenue,), (funding,)), is_wide=True),
        Beside(((kept,), (gems,))),
        Beside(((Drawing("Nothing sold", plain),), (leading,))),
        Drawing("A year, in German", charts.stacked_bars(year), aside=charts.legend(year)),
        Beside(((Drawing("One day", charts.stacked_bars(ONE_DAY)),), (Drawing("No day", charts.stacked_bars(ZERO)),))),
    ]


def lists() -> list[Section]:
    """Tables: full, with one row, with none, with a drawing and with acts."""
    rows = purchases()
    endpoints = [
        Row(
            (
                Cell(name, is_name=True, hint="https://a.very.long.address.example/of/an/endpoint?with=more"),
                Cell(drawing=charts.hour_bars(hours)),
                Cell(rate, tone=tone),
                Cell("240 ms"),
            ),
            url=f"/webhooks/{rate}",
            acts=(Form("/again", "Send 14 again", HIDDEN), Form("/remove", "Remove", HIDDEN, tone=Tone.BAD)),
        )
        for name, hours, rate, tone in (
            ("game-prod", deliveries(44), "91.3%", Tone.BAD),
            ("bookkeeping-export", deliveries(48), "100%", None),
        )
    ]
    columns = (Column("Endpoint"), Column("Last 48 hours"), Column("Delivered"), Column("Median", is_number=True))
    return [
        Table("Purchases", COLUMNS, rows, newer="/newer", older="/older", more=Link("All purchases", "/purchases")),
        Table("One purchase", COLUMNS, rows[1:2], hint="Of today."),
        Table("No purchases", COLUMNS, (), empty="No purchases yet."),
        Table("Endpoints", columns, endpoints),
    ]


def told() -> list[Section]:
    """What is told in words, and what waits for a person."""
    forms = (
        Form("/review/approve", "Let it through", (Field("reason", "Why", hint="For the record."),)),
        Form("/review/refuse", "Refuse it", (Field("why", "Why"),), tone=Tone.BAD, explains="The money goes back."),
    )
    about = "15,000 gems · 22:58 · gems not granted yet"
    reviews = (
        Review("87", Tone.BAD, "€99.99", "gatekeeper99", about, ("4th card today", "Card from BR"), forms, "/review/1"),
        Review("64", Tone.PLAY, "€12,480.00", LONG_NAME, about, ("New device",), forms[:0], "/review/2"),
        Review("–", Tone.PLAY, "€19.95", "لیلى", about, (), ()),
    )
    letter = Written(LONG_NAME, "مرحبا\nand a second line", "A tip of €5.00", "/tips/1", Cell("Held", tone=Tone.PLAY),
                     (Form("/letters/show", "Show it", HIDDEN),))  # fmt: skip
    return [
        Queue("Needs a person", "3 waiting · oldest 4 h", reviews),
        Queue("Needs nobody", "", (), empty="When a purchase waits for a person, it shows up here."),
        Opinion("Risk score 87 of 100", 87, ("Seen with 4 cards", "New device"), Tone.BAD, more=Link("Why", "/why"),
                hint="The rules sent it to a person."),
        Letters("Messages to be read", (letter,), hint="Oldest first."),
        Letters("No messages", (), empty="Nothing waits to be read."),
    ]  # fmt: skip


def asked() -> list[Section]:
    """Forms: one that was refused, one that is folded, small ones side by side."""
    strategies = (("fail", "Refuse"), ("debt", "Let them owe it"))
    fields = (
        Field("amount", "Amount in EUR", "number", "Up to €12,480.00.", "€9.99"),
        Field("note", "Note for the books", "textarea", "Seen by operators alone.", LONG_NAME, is_required=False),
        Field("strategy", "If goods are used", "select", value="debt", choices=strategies),
        Field("told", "Tell the customer", "checkbox", value="yes"),
        Field("password", "Your password", "password", autocomplete="current-password"),
    )
    return [
        Form("/refund", "Refund €9.99", fields, title="Refund", tone=Tone.BAD, explains="This moves the money."),
        Form("/add", "Add it", fields[:1], title="Add…", is_folded=True),
        Acts((Form("/test", "Send a test"), Form("/end", "End", HIDDEN, tone=Tone.BAD)), title="What can be done"),
    ]


def beside() -> list[Section]:
    """What stands beside a list: one thing whole."""
    happened = (
        Happened("game-prod was told", "Delivered on the second try, 212 ms", EVENING, "webhook"),
        Happened("1,200 gems granted", f"Wallet of {LONG_NAME}, now 2,340", EVENING - 22_000, "gem"),
        Happened("Checkout opened", "", EVENING - 107_000, "bag"),
    )
    lines = (
        ("gateway:stripe:clearing:EUR", "€9.99", ""),
        ("platform:revenue:EUR", "", "€8.39"),
        ("platform:tax:EUR", "", "€1.60"),
        (f"customer:{LONG_NAME}:gems", "", "12,480,000 gems"),
        ("platform:issuance:gems", "12,480,000 gems", ""),
    )
    totals = (("EUR, balanced", "€9.99", "€9.99"), ("gems, balanced", "12,480,000 gems", "12,480,000 gems"))
    who = Line("Customer", LONG_NAME, url="/customers/1", is_name=True)
    receipt = (who, Line("Net", "€8.39"), Line("Tax", "€1.60"), Line.when("Bought", EVENING))
    return [
        Lines("1,200 gems", receipt, Line("Total", "€9.99"), "Visa ending 4242.", Cell("Completed", tone=Tone.GOOD)),
        Lines("Wallets", (), hint="Empty."),
        Timeline("What happened", happened),
        Timeline("Nothing happened", ()),
        LedgerEntry("Purchase settled", "ent_01m7y0000000000000000000000", lines, totals, "/books/1"),
        Note(Tone.INFO, "Nothing has happened yet.", link=Link("Keep it as it is", "/back")),
    ]


def notes() -> Sequence[Note]:
    return (
        Note(Tone.BAD, "The books are off.", "L1-balance: 501 is not 500", Link("Look at it", "/books")),
        Note(Tone.PLAY, "One webhook is failing.", "game-prod has missed 14.", Link("Look at it", "/webhooks")),
        Note(Tone.INFO, "No sales yet.", "Test money never mixes with real money."),
        Note(Tone.GOOD, "Balanced.", "Checked 01:10 UTC."),
    )
