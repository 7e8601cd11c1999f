"""One creator whole: what they have, what waits to be read, goals, tips and payouts, and what can be done for them."""

from collections.abc import Sequence

from storefront.core.clock import DAY_MS
from storefront.core.reading import Row as Tip
from storefront.pages.lists import at, link, money, spoken, total
from storefront.panels import (
    Acts,
    Asking,
    Cell,
    Column,
    Field,
    Form,
    Letters,
    Line,
    Lines,
    PageView,
    Row,
    Section,
    Table,
    Tone,
    Written,
)
from storefront_fanfunding.alert_queue import HELD, waiting
from storefront_fanfunding.config import Settings, Terms
from storefront_fanfunding.console.figures import Given, of_one, switches
from storefront_fanfunding.console.listing import need_identity
from storefront_fanfunding.console.reading import Stand, last_tips, stands
from storefront_fanfunding.console.words import (
    HELD_FOR,
    INVITE,
    PATH,
    PAYOUT,
    STEER,
    alert_badge,
    choices,
    fan,
    payout_badge,
    said,
    tip_badge,
)
from storefront_fanfunding.creators import all_creators
from storefront_fanfunding.goals import Progress, progress_of
from storefront_fanfunding.overlay_tokens import find_overlay, is_connected
from storefront_fanfunding.payout_lists import list_payouts

SHOWN = 20


async def show_one(asking: Asking, settings: Settings) -> PageView:
    """Show a creator, also one whose file is gone while money of theirs is still here."""
    services, name = asking.services, asking.path["name"]
    shown_name, identity = await need_identity(asking, settings)
    stand = Stand() if identity is None else (await stands(services, identity)).get(identity, Stand())
    terms = settings.terms(name)
    given = await Given.of(asking)
    path = f"{PATH}/{name}"
    spans, currencies = switches(asking, path, given)
    sections: list[Section] = []
    if identity is not None:
        sections += [*await _held(asking, name, identity), _table_of_tips(asking, name, await _last(asking, identity))]
    sections.append(await _payouts(asking, name))
    sections += await _goals(asking, settings, name)
    if identity is not None:
        sections.append(await of_one(asking, given, identity))
    beside: list[Section] = [_purse(asking, stand), *_make_payout(asking, settings, name, stand)]
    beside += [_terms(asking, terms), await _screen(asking, identity), *_letting_in(asking, settings, name)]
    return PageView(shown_name, sections, detail=beside, hint=f"Creator {name}", switch=spans, chips=currencies)


def _purse(asking: Asking, stand: Stand) -> Lines:
    lines = []
    for code in stand.currencies:
        lines.append(Line(f"Can be paid ({code})", money(asking, stand.ready.get(code, 0), code)))
        lines.append(Line("Waits", money(asking, stand.waiting.get(code, 0), code)))
        if stand.owed.get(code):
            lines.append(Line("Owes", money(asking, stand.owed[code], code)))
    badge = Cell("Owes", tone=Tone.BAD) if any(stand.owed.values()) else None
    hint = "What waits is held back for refunds, or set aside for one." if lines else "Nothing yet."
    return Lines("Money", lines, hint=hint, badge=badge)


def _make_payout(asking: Asking, settings: Settings, name: str, stand: Stand) -> list[Section]:
    codes = [code for code, amount in sorted(stand.ready.items()) if amount > 0]
    if not codes or not asking.may(PAYOUT):
        return []
    then = "Another person approves it before it begins." if settings.is_four_eyes else "It begins at once."
    fields = (
        Field("currency", "Currency", "select", choices=choices(codes)),
        Field("amount", "How much", hint="Leave empty for all that can be paid.", is_required=False),
    )
    return [
        Form(
            f"{PATH}/{name}/payout",
            "Make the payout",
            fields,
            title="Make a payout…",
            explains=f"The amount is set aside. {then}",
            is_folded=True,
        )
    ]


def _terms(asking: Asking, terms: Terms) -> Lines:
    least = ", ".join(money(asking, amount, code) for code, amount in sorted(terms.payout_min.items()))
    lines = [
        Line("Their share", f"{terms.share / 100:g}%"),
        Line("Held for", _days(terms.hold_ms / DAY_MS)),
        Line("Paid", "by hand" if terms.payout == "manual" else f"through {spoken(terms.payout)}"),
        Line("Least payout", least or "–"),
    ]
    return Lines("Terms", lines, hint="As the configuration has them now. Each tip keeps those of its day.")


async def _screen(asking: Asking, identity: str | None) -> Lines:
    overlay = None if identity is None else await find_overlay(asking.services, identity)
    if overlay is None:
        return Lines("Overlay", [], hint="No link was made for it yet.")
    is_there = is_connected(asking.services, overlay)
    badge = Cell("Connected", tone=Tone.GOOD) if is_there else Cell("Not connected", tone=Tone.PLAIN)
    lines = [
        Line.when("Last seen", overlay["seen_at"], otherwise="never"),
        Line("Alerts", "paused" if overlay["is_paused"] else "hidden" if overlay["is_hidden"] else "running"),
    ]
    return Lines("Overlay", lines, badge=badge)


def _letting_in(asking: Asking, settings: Settings, name: str) -> list[Section]:
    if not asking.may(INVITE) or not any(one.name == name for one in all_creators(asking.services, settings)):
        return []
    return [
        Acts(
            [
                Form(f"{PATH}/{name}/invite", "Make a sign-in link"),
                Form(f"{PATH}/{name}/sign-out", "Sign them out everywhere", tone=Tone.BAD),
            ],
            title="Their own page",
        )
    ]


async def _held(asking: Asking, name: str, identity: str) -> list[Section]:
    """Return messages that wait to be read before anybody sees them; their money does not wait."""
    letters = []
    for row in await waiting(asking.services, identity, HELD):
        forms: list[Form] = []
        if asking.may(STEER):
            here = (Field("sequence", "sequence", "hidden", value=str(row["sequence"])),)
            forms = [
                Form(f"{PATH}/{name}/approve", "Show it", here),
                Form(f"{PATH}/{name}/name-only", "Only the name", here),
                Form(f"{PATH}/{name}/reject", "Do not show it", here, tone=Tone.BAD),
            ]
        badge = Cell(HELD_FOR.get(row["held_for"] or "", "Held"), tone=Tone.PLAY)
        amount = money(asking, row["amount"], row["currency"])
        letters.append(Written(fan(row), row["message"], about=amount, badge=badge, forms=forms))
    return [Letters("To be read first", letters, hint=f"{len(letters)} waiting")] if letters else []


async def _last(asking: Asking, identity: str) -> Sequence[Tip]:
    """Return tips, one more than are shown."""
    before = asking.query.get("before")
    return await last_tips(asking.services, identity, most=SHOWN + 1, before=None if before is None else int(before))


def _row(asking: Asking, tip: Tip) -> Row:
    is_ours = tip["purchase_id"].startswith("pur_")
    cells = (
        Cell.when(tip["paid_at"]),
        Cell(fan(tip), is_name=True),
        Cell(tip["message"] or "–", is_name=True),
        Cell(money(asking, tip["amount"], tip["currency"]), is_strong=True, hint=tip["tier"] or ""),
        tip_badge(tip["state"]) if tip["state"] != "paid" else alert_badge(tip["alert"]),
    )
    return Row(cells, url=f"/console/purchases/{tip['purchase_id']}" if is_ours else None)


def _table_of_tips(asking: Asking, name: str, tips: Sequence[Tip]) -> Table:
    rows = [_row(asking, tip) for tip in tips[:SHOWN]]
    columns = (
        Column("When"),
        Column("Fan"),
        Column("Message"),
        Column("Amount", is_number=True),
        Column("On stream"),
    )
    path = f"{PATH}/{name}"
    older = link(path, asking.query, before=str(tips[SHOWN - 1]["sequence"])) if len(tips) > SHOWN else None
    newer = link(path, asking.query, before=None) if asking.query.get("before") else None
    return Table("Last tips", columns, rows, empty="No tips yet.", older=older, newer=newer, name="tips")


async def _payouts(asking: Asking, name: str) -> Table:
    page = await list_payouts(asking.services, creator=name, limit=SHOWN, after=asking.query.get("after"))
    rows = [
        Row(
            (
                Cell.when(at(one["created_at"])),
                Cell(total(asking, one["amount"]), is_strong=True),
                Cell(one["reference"] or "–", hint=one["reason"] or ""),
                payout_badge(one["state"]),
            ),
            url=f"{PATH}/{name}/payouts/{one['id']}",
        )
        for one in page["data"]
    ]
    path = f"{PATH}/{name}"
    columns = (
        Column("Made"),
        Column("Amount", is_number=True),
        Column("Reference"),
        Column("State"),
    )
    older = None if page["next"] is None else link(path, asking.query, after=page["next"])
    newer = link(path, asking.query, after=None) if asking.query.get("after") else None
    return Table("Payouts", columns, rows, empty="Nothing was paid out yet.", older=older, newer=newer, name="payouts")


async def _goals(asking: Asking, settings: Settings, name: str) -> list[Section]:
    services = asking.services
    creator = next((one for one in all_creators(services, settings) if one.name == name), None)
    stood = [] if creator is None else await progress_of(services, creator)
    if not stood:
        return []
    columns = (Column("Goal"), Column("There", is_number=True), Column("Aim", is_number=True), Column("State"))
    rows = [
        Row(
            (
                Cell(said(services, one.goal.title, asking.language), is_name=True, hint=one.goal.id),
                Cell(money(asking, one.amount, one.goal.currency), is_strong=True, hint=f"{one.percent}%"),
                Cell(money(asking, one.aim.target, one.goal.currency)),
                _state(one),
            )
        )
        for one in stood
    ]
    return [Table("Goals", columns, rows)]


def _state(one: Progress) -> Cell:
    if one.campaign is not None:
        return Cell(spoken(one.campaign["state"]), tone=Tone.INFO, hint="all or nothing")
    if one.has(one.goal.steps[0]):
        return Cell("Reached", tone=Tone.GOOD)
    return Cell("Open", tone=Tone.PLAIN) if one.goal.is_active else Cell("Switched off", tone=Tone.PLAIN)


def _days(days: float) -> str:
    return f"{days:g} day" if days == 1 else f"{days:g} days"
