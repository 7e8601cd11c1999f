"""One payout: how it stands, who had a hand in it, what it is made of line by line, and how it goes on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from storefront.core.commit.outcome import Answer
from storefront.core.commit.plan import IdempotencyKey
from storefront.core.errors import NotFound
from storefront.core.idempotency import idempotency_key
from storefront.core.reading import Row as Payout
from storefront.core.redaction import redact_text
from storefront.core.services import Services
from storefront.pages.lists import at, link, money
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsoleAct,
    Done,
    Field,
    Form,
    Line,
    Lines,
    Note,
    PageView,
    Row,
    Section,
    Sure,
    Table,
    Tone,
)
from storefront_fanfunding.accounts import MANUAL
from storefront_fanfunding.console.acts import worded
from storefront_fanfunding.console.reading import purchases_of_tips
from storefront_fanfunding.console.words import PATH, PAYOUT, payout_badge, who
from storefront_fanfunding.payout_moves import approve, mark_failed, mark_paid
from storefront_fanfunding.payout_routes import ONE
from storefront_fanfunding.payout_rows import CREATED, IN_PROGRESS, PAID, PayoutNotPossible, need_payout
from storefront_fanfunding.statements import WORDS, show_statement

LINES_SHOWN = 100
_TEXT = {"type": "string", "maxLength": 200}
QUERY = {"after": {"type": "integer", "minimum": 0, "maximum": 2**53}}
SAYS = {
    "made": "The payout is made.",
    "approved": "It is approved, and begins.",
    "paid": "It is paid.",
    "failed": "It is back with its creator.",
}
Move = Callable[[Services, str, str, IdempotencyKey], Awaitable[tuple[Answer, bool]]]


async def show_payout(asking: Asking) -> PageView:
    """Show a payout and its statement."""
    row = await _need(asking)
    name, services = row["creator"], asking.services
    told = await show_statement(services, row, limit=LINES_SHOWN, after=asking.query.get("after"))
    sections: list[Section] = [await _head(asking, row), await _statement(asking, row, told)]
    notes = [_waits(asking, row)] if row["state"] == CREATED else []
    return PageView(
        f"Payout of {money(asking, row['amount'], row['currency'])}",
        sections,
        detail=_forms(asking, row),
        hint=f"{row['id']} to {name}",
        notes=notes,
    )


async def _need(asking: Asking) -> Payout:
    row = await need_payout(asking.services, asking.path["id"])
    if row["creator"] != asking.path["name"]:
        raise NotFound("There is no such payout.")
    return row


async def _head(asking: Asking, row: Payout) -> Lines:
    services, code = asking.services, row["currency"]
    lines = [
        Line("To", row["creator"], url=f"{PATH}/{row['creator']}", is_name=True),
        Line("Paid", "by hand" if row["pay_with"] == MANUAL else f"through {row['pay_with']}"),
        *([Line("Account", row["account"])] if row["account"] and asking.may(PAYOUT) else []),
        Line("Made by", await who(services, row["created_by"])),
        Line.when("Made", row["created_at"]),
        *([Line("Approved by", await who(services, row["approved_by"]))] if row["approved_by"] else []),
        *([Line("Reference", row["reference"], is_name=True)] if row["reference"] else []),
        *([Line.when("Paid", row["paid_at"])] if row["paid_at"] else []),
        *([Line("Came back", money(asking, row["returned"], code))] if row["returned"] else []),
        *([Line("Why", row["reason"], is_name=True)] if row["reason"] else []),
    ]
    total = Line("Amount", money(asking, row["amount"], code))
    return Lines("Payout", lines, total=total, badge=payout_badge(row["state"]))


def _waits(asking: Asking, row: Payout) -> Note:
    if row["created_by"] == asking.actor:
        return Note(Tone.PLAY, "It waits for a second person.", "You have made it, so another one approves it.")
    if row["approvable_from"] is not None and asking.services.clock.now() < row["approvable_from"]:
        until = Cell.when(row["approvable_from"]).text
        words = f"It goes to an account where none went before. It can be approved from {until} on."
        return Note(Tone.PLAY, "It waits.", words)
    return Note(Tone.PLAY, "It waits for a second person.", "Look at where it goes, and how much it is.")


def _forms(asking: Asking, row: Payout) -> list[Section]:
    if not asking.may(PAYOUT):
        return []
    path, found = f"{PATH}/{row['creator']}/payouts/{row['id']}", list[Section]()
    is_manual, state = row["pay_with"] == MANUAL, row["state"]
    is_time = row["approvable_from"] is None or asking.services.clock.now() >= row["approvable_from"]
    if state == CREATED and row["created_by"] != asking.actor and is_time:
        found.append(Form(f"{path}/approve", "Approve it", title="Approve", explains="It begins at once."))
    if state == IN_PROGRESS and is_manual:
        fields = (Field("reference", "Reference", hint="What the bank calls it.", longest=200),)
        says = "Say this once the bank has sent it."
        found.append(Form(f"{path}/paid", "It is paid", fields, title="Mark as paid", explains=says))
    if state == CREATED or (is_manual and state in (IN_PROGRESS, PAID)):
        fields = (Field("reason", "Reason", hint="Kept for ever. No names or addresses.", longest=200),)
        title, button = ("It came back…", "It came back") if state == PAID else ("Cancel it…", "Cancel it")
        found.append(
            Form(
                f"{path}/failed",
                button,
                fields,
                title=title,
                tone=Tone.BAD,
                is_folded=True,
                explains="The creator can be paid it anew. It pays first what they owe meanwhile.",
            )
        )
    return found


_COLUMNS = (
    Column("When"),
    Column("What"),
    Column("Fan paid", is_number=True),
    Column("Share", is_number=True),
    Column("In and out", is_number=True),
    Column("Left", is_number=True),
    Column("Books"),
)


async def _statement(asking: Asking, row: Payout, told: Mapping[str, Any]) -> Table:
    code, path = row["currency"], f"{PATH}/{row['creator']}/payouts/{row['id']}"
    bought = await purchases_of_tips(asking.services, [line["about"] for line in told["lines"]])
    may_read_books = asking.may("audit:read")

    def words(amount: int | None) -> str:
        return "–" if amount is None else money(asking, amount, code)

    rows = []
    for line in told["lines"]:
        purchase = bought.get(line["about"])
        rows.append(
            Row(
                (
                    Cell.when(at(line["at"])),
                    Cell(WORDS.get(line["kind"], line["kind"]),
                         url=None if purchase is None else f"/console/purchases/{purchase}"),
                    Cell(words(line["tip"])),
                    Cell(words(line["share"])),
                    Cell(words(line["amount"]), is_strong=True,
                         hint=f"owes {words(line['debt'])}" if line["debt"] else ""),
                    Cell(words(line["balance"])),
                    Cell("Entry", url=f"/console/books/{line['entry']}") if may_read_books else Cell("–"),
                )
            )
        )  # fmt: skip
    hint = (
        f"{words(told['opening']['payable'])} was left before; with these lines, the payout being the last, "
        f"{words(told['closing']['payable'])} is left."
    )
    older = None if told["next"] is None else link(path, {}, after=told["next"])
    newer = path if asking.query.get("after") else None
    return Table("Statement", _COLUMNS, rows, hint=hint, older=older, newer=newer)


def acts() -> Sequence[ConsoleAct]:
    """Return the acts of a payout's page; each asks for proof, because money moves or will."""
    sure = Sure("The creator can be paid it anew. It pays first what they owe meanwhile.")
    return [
        ConsoleAct("approve", PAYOUT, _moving("approve", "approved", "", _approve), asks_proof=True),
        ConsoleAct("paid", PAYOUT, _moving("paid", "paid", "reference", mark_paid), {"reference": _TEXT},
                   needed=["reference"], asks_proof=True),
        ConsoleAct("failed", PAYOUT, _moving("failed", "failed", "reason", mark_failed), {"reason": _TEXT},
                   needed=["reason"], asks_proof=True, sure=sure, words=_failed_words),
    ]  # fmt: skip


async def _failed_words(asking: Asking) -> str:
    """Return what is taken back: "Cancel the payout of $9.00 to luna"."""
    row = await _need(asking)
    what = f"the payout of {money(asking, row['amount'], row['currency'])} to {row['creator']}"
    return f"Say that {what} came back" if row["state"] == PAID else f"Cancel {what}"


async def _approve(services: Services, payout_id: str, _: str, key: IdempotencyKey) -> tuple[Answer, bool]:
    return await approve(services, payout_id, key)


def _moving(act: str, says: str, field: str, move: Move) -> Callable[[Asking], Awaitable[Done]]:
    """Return what a form does: its move, once per form."""

    async def do(asking: Asking) -> Done:
        row = await _need(asking)
        text = redact_text(asking.form[field]) if field else ""
        told = {"payout": row["id"], **({field: text} if field else {})}
        key = idempotency_key(asking.actor, f"POST {ONE}/{act}", asking.key, told)
        try:
            await move(asking.services, row["id"], text, key)
        except PayoutNotPossible as refused:
            raise worded(asking, refused) from refused
        return Done(f"{PATH}/{row['creator']}/payouts/{row['id']}", says)

    return do
