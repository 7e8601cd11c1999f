"""The books: in order or not, as of when; seals; what gateways say otherwise, with what could be done about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from storefront.console.pages.purchase_parts import ledger_entry
from storefront.console.words import at, counted, moment_words, money, spoken
from storefront.core.audit.check import Check
from storefront.core.database import Database
from storefront.core.errors import NotFound
from storefront.core.kinds import OfferKind
from storefront.core.operating.books import Checked, books_in_short, check_books, last_check
from storefront.core.operating.reconciliations import list_reconciliations, reconcile_now
from storefront.core.operating.wallets import held_by_customers
from storefront.core.services import Services
from storefront.core.tables import entries, transfers
from storefront.panels import (
    Acts,
    Asking,
    Cell,
    Column,
    ConsoleAct,
    ConsolePage,
    Done,
    Form,
    Line,
    Lines,
    Link,
    Note,
    PageView,
    Row,
    Section,
    Table,
    Tile,
    Tiles,
    Tone,
)

PATH = "/console/books"
Compared = tuple[str, Mapping[str, Any]]
"""A gateway, and the report of when it was last compared with the books."""


class Books:
    """The pages of the books; ``kinds`` and ``checks`` are what plugins add to a check that looks at everything."""

    def __init__(self, database: Database, kinds: dict[str, OfferKind], checks: tuple[Check, ...]) -> None:
        self._database = database
        self._kinds = kinds
        self._checks = checks

    async def show(self, asking: Asking) -> PageView:
        """Show whether the books are in order."""
        services = asking.services
        checked, short = await last_check(services), await books_in_short(services)
        reconciled = await list_reconciliations(services)
        compared = [(one["gateway"], one["report"]) for one in reconciled if one["report"]]
        owed = await held_by_customers(services)
        sections: list[Section] = [_tiles(asking, checked, short, owed, _unmatched(compared))]
        if checked is not None and not checked.is_clean:
            sections.append(_violations(checked.violations))
        sections.append(_seals(short))
        sections.append(_differences(asking, compared))
        forms = _forms(asking, [one["gateway"] for one in reconciled])
        if forms:
            sections.append(Acts(forms))
        exports = [Link("Export journal", "/console/exports/entries")] if asking.may("exports:read") else []
        return PageView("Books", sections, exports=exports)

    async def check(self, asking: Asking) -> Done:
        await check_books(asking.services, self._database, actor=asking.actor, deep=False)
        return Done(PATH, "checked")

    async def check_deep(self, asking: Asking) -> Done:
        await check_books(
            asking.services,
            self._database,
            actor=asking.actor,
            deep=True,
            kinds=self._kinds,
            checks=self._checks,
        )
        return Done(PATH, "checked")


async def show_entry(asking: Asking) -> PageView:
    """Show one entry of the books: every account it moved, who asked for it, and what it is about."""
    services, entry_id = asking.services, asking.path["id"]
    rows = await services.reader.scan(select(entries).where(entries.c.id == entry_id))
    if not rows:
        raise NotFound("There is no such entry.")
    row = rows[0]
    moved = await services.reader.scan(
        select(transfers).where(transfers.c.entry_id == entry_id).order_by(transfers.c.position)
    )
    about = row["about"]
    url = f"/console/purchases/{about}" if about.startswith("pur_") else None
    facts = [
        Line("About", about, url=url),
        Line(
            "Under",
            row["anchor"],
            url=f"/console/customers/{row['anchor']}" if row["anchor"].startswith("cus_") else None,
        ),
        Line("Asked by", row["actor"]),
        *([Line("Reverses", row["reverses"], url=f"{PATH}/{row['reverses']}")] if row["reverses"] else []),
        Line.when("Happened", row["occurred_at"]),
        Line.when("Recorded", row["recorded_at"]),
        Line("Commit", str(row["commit_no"])),
    ]
    words = "Prove it to a stranger: storefront audit prove " + entry_id
    return PageView(
        entry_id,
        [await ledger_entry(asking, spoken(row["kind"]), entry_id, moved), Lines("Facts", facts, hint=words)],
        hint="Ledger entry",
    )


def _tiles(
    asking: Asking,
    checked: Checked | None,
    short: Mapping[str, Any],
    owed: Sequence[Mapping[str, Any]],
    unmatched: Tile,
) -> Tiles:
    verdict = "–" if checked is None else "0" if checked.is_clean else str(len(checked.violations))
    when = "Not checked yet" if checked is None else "checked"
    held = money(asking, owed[0]["held"], owed[0]["asset"]) if owed else "Nothing"
    others = (
        f"and {counted(len(owed) - 1, 'other currency', 'other currencies')}" if owed[1:] else "wallets, all together"
    )
    tone = Tone.PLAIN if checked is None or checked.is_clean else Tone.BAD
    return Tiles(
        (
            Tile("Entries", f"{short['entries']:,}", was=f"{short['sealed']:,} sealed"),
            Tile("Violations", verdict, was=when, tone=tone, at=None if checked is None else checked.at),
            Tile("Owed to customers", held, was=others, url="/console/wallets"),
            unmatched,
        )
    )


def _unmatched(compared: Sequence[Compared]) -> Tile:
    """Return how many lines of the gateways and of the books have no counterpart, and as of when."""
    if not compared:
        return Tile("Unmatched", "–", was="not compared with a gateway yet")
    count = sum(len(report["differences"]) for _, report in compared)
    oldest = min(report["at"] for _, report in compared)
    return Tile("Unmatched", str(count), was="compared", tone=Tone.BAD if count else Tone.PLAIN, at=at(oldest))


def _seals(short: Mapping[str, Any]) -> Lines:
    lines = [Line("Seals", f"{short['seals']:,}"), Line("Not sealed yet", f"{short['unsealed']:,}")]
    if short["newest"]:
        newest = short["newest"][0]
        lines.append(Line("Newest seal", f"{newest['root'][:8]}…{newest['root'][-4:]}"))
        lines.append(Line.when("Sealed", at(newest["at"])))
    return Lines("Hash chain", lines)


def _forms(asking: Asking, gateways: Sequence[str]) -> list[Form]:
    forms = []
    if asking.may("operations:write"):
        forms += [Form(f"{PATH}/check", "Run the check now"), Form(f"{PATH}/check-deep", "Check everything")]
    if asking.may("payments:write"):
        forms += [Form(f"{PATH}/reconcile-{gateway}", f"Compare with {gateway} now") for gateway in gateways]
    return forms


def _violations(found: list[tuple[str, str]]) -> Table:
    rows = [Row((Cell(check, tone=Tone.BAD), Cell(message))) for check, message in found]
    return Table("What is wrong, the first of each", (Column("Check"), Column("What")), rows)


def _differences(asking: Asking, compared: Sequence[Compared]) -> Table:
    found = [(gateway, one) for gateway, report in compared for one in report["differences"]]
    rows = [
        Row(
            (
                Cell(gateway),
                Cell(spoken(one["kind"]), hint=one["about"]),
                Cell(money(asking, one["amount"], one["currency"]), is_strong=True),
                Cell.when(at(one["since"])),
                Cell(one["proposal"]),
            )
        )
        for gateway, one in found
    ]
    columns = (
        Column("Gateway"),
        Column("Difference"),
        Column("Amount", is_number=True),
        Column("Since"),
        Column("Proposal"),
    )
    hint = ", ".join(f"{gateway} compared {moment_words(report['at'])}" for gateway, report in compared)
    empty = "They agree, to the cent." if compared else "Nothing was compared yet: it happens by itself every hour."
    return Table("Gateway and books", columns, rows, empty=empty, hint=hint)


async def send_reconcile(asking: Asking, gateway: str) -> Done:
    await reconcile_now(asking.services, gateway, since=None, actor=asking.actor)
    return Done(PATH, "compared")


async def off(services: Services) -> Note | None:
    """Return what stands on top of every page while the books are off."""
    checked = await last_check(services)
    if checked is None or checked.is_clean:
        return None
    check, message = checked.violations[0]
    return Note(Tone.BAD, "The books are off.", f"{check}: {message}", Link("Look at it", PATH))


async def _is_off(services: Services) -> tuple[int, Tone]:
    checked = await last_check(services)
    return (0 if checked is None else len(checked.violations)), Tone.BAD


def pages(services: Services, database: Database, checks: tuple[Check, ...]) -> list[ConsolePage]:
    """Return the pages of the books."""
    books = Books(database, dict(services.kinds), checks)
    acts = [
        ConsoleAct("check", "operations:write", books.check, says={"checked": "Checked."}),
        ConsoleAct("check-deep", "operations:write", books.check_deep),
    ]
    for gateway in services.gateways:
        acts.append(
            ConsoleAct(
                f"reconcile-{gateway}",
                "payments:write",
                _reconciling(gateway),
                says={"compared": "Compared with the gateway."},
            )
        )
    return [
        ConsolePage(PATH, "Books", "audit:read", books.show, group="watch", icon="book", acts=acts, counts=_is_off),
        ConsolePage(f"{PATH}/{{id}}", "Ledger entry", "audit:read", show_entry),
    ]


def _reconciling(gateway: str) -> Any:
    async def reconcile(asking: Asking) -> Done:
        return await send_reconcile(asking, gateway)

    return reconcile
