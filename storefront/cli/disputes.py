"""``storefront disputes``: what payers' banks ask back, until when, and what we say to it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import (
    DEFAULT_CONFIG,
    AfterFlag,
    Choice,
    ConfigArgument,
    ConfigFlag,
    DataFlag,
    JsonFlag,
    LimitFlag,
)
from storefront.cli.customers import frozen_parts
from storefront.cli.purchases import taken_lines
from storefront.cli.showing import (
    ask_shop,
    coloured,
    money_text,
    print_as_json,
    print_facts,
    print_page,
    say,
    short_time,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

LONGEST_EVIDENCE = 200
DisputeArgument = Annotated[str, typer.Argument(metavar="ID", help="The dispute, as in: storefront disputes list")]


class State(StrEnum):
    """How a dispute stands."""

    WARNING = "warning"
    OPEN = "open"
    CLOSED = "closed"
    WON = "won"
    LOST = "lost"


@app.callback()
def disputes() -> None:
    """Look at disputes, answer them with evidence, or give them up.

    While a dispute is `open` its money is with the bank and the goods are frozen; `won` gives both back, `lost` takes
    the goods. A `warning` is an inquiry: nothing is taken yet.

    \b
    Examples:
      storefront disputes list --state open
      storefront disputes answer rev_01k9x3v2m7q8r5t4w6y1z0abcd --text product_description="500 gems for a game"
    """


@app.command("list")
def list_disputes(
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List disputes, newest first, with the time by which evidence must be in.

    \b
    Example:
      storefront disputes list --state open
    """
    asked = {"state": None if state is None else str(state), "limit": limit, "after": after}
    page = ask_shop(Choice(file or config, data=data), "disputes.list", **asked)
    columns = ("id", "state", "amount", "reason", "evidence by", "purchase")
    empty = "There is no dispute." if state is None else f"No dispute is {state}."
    print_page(page, columns, _cells, empty=empty, as_json=as_json, right=("amount",), prose=("reason",))


@app.command()
def show(
    dispute: DisputeArgument,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would take if it were lost now; also of a purchase.")
    ] = False,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a dispute: what is frozen for it, what it took of the goods, which purchases were undone, the evidence.

    The evidence is what the gateway has now, staged or sent, while the dispute is not decided.

    \b
    Examples:
      storefront disputes show rev_01k9x3v2m7q8r5t4w6y1z0abcd
      storefront disputes show rev_01k9x3v2m7q8r5t4w6y1z0abcd --dry-run
      storefront disputes show pur_01k9x3v2m7q8r5t4w6y1z0abcd --dry-run
    """
    if dry_run:
        is_purchase = dispute.startswith("pur_")
        asked = ("purchases.loss", {"purchase": dispute}) if is_purchase else ("disputes.loss", {"id": dispute})
        _print_loss(ask_shop(Choice(config, data=data), asked[0], **asked[1]), as_json=as_json)
        return
    _print(ask_shop(Choice(config, data=data), "disputes.show", id=dispute), as_json=as_json)


@app.command()
def answer(
    dispute: DisputeArgument,
    *,
    texts: Annotated[
        list[str] | None,
        typer.Option("--text", "-t", metavar="FIELD=TEXT", help="A field and what it says; may be repeated."),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option("--text-file", metavar="FIELD=PATH", help="The same, read from a text file; may be repeated."),
    ] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Send all that is staged to the bank, once and for all.")
    ] = False,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Stage evidence at the gateway: it can be changed and added to until it is submitted. Audited.

    Fields have the gateway's names; at Stripe: product_description, customer_communication, refund_policy,
    access_activity_log, service_date, uncategorized_text … Files, such as screenshots, go up in its dashboard.

    \b
    Examples:
      storefront disputes answer rev_01k9x3v2m7q8r5t4w6y1z0abcd -t product_description="500 gems for a game"
      storefront disputes answer rev_01k9x3v2m7q8r5t4w6y1z0abcd --text-file access_activity_log=log.txt --submit
    """
    given = {**_pairs(texts or [], "--text"), **_read(_pairs(files or [], "--text-file"))}
    if not given:
        raise typer.BadParameter("say something: --text FIELD=TEXT", param_hint="--text")
    found = ask_shop(Choice(config, data=data), "disputes.answer", id=dispute, texts=given, submit=submit)
    _print(found, as_json=as_json)
    if not as_json:
        if found["state"] not in ("open", "warning"):
            say(f"[dim]It was sent, and the bank has decided: {found['state']}.[/]")
        elif submit:
            say("[dim]It is with the bank now.[/]")
        else:
            say("[dim]It is staged; --submit sends it to the bank.[/]")


@app.command()
def accept(
    dispute: DisputeArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a dispute up: it is lost, its goods are taken. There is no way back. Audited.

    \b
    Example:
      storefront disputes accept rev_01k9x3v2m7q8r5t4w6y1z0abcd --yes
    """
    if not yes:
        typer.confirm(f"Give {dispute} up? It will be lost", abort=True, err=True)
    _print(ask_shop(Choice(config, data=data), "disputes.accept", id=dispute), as_json=as_json)


def _cells(dispute: dict[str, Any]) -> tuple[str, ...]:
    amount, reason = escape(money_text(dispute["amount"])), escape(dispute["reason"])
    due = short_time(dispute["evidence_due_by"]) if dispute["state"] in ("open", "warning") else ""
    return dispute["id"], coloured(dispute["state"]), amount, reason, due, dispute["purchase"]


def _print(dispute: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_as_json(dispute)
        return
    say(f"[bold]{dispute['id']}[/]  {coloured(dispute['state'])}")
    shown = {**dispute, "amount": money_text(dispute["amount"])}
    names = ("purchase", "gateway", "reference", "amount", "reason", "evidence_due_by", "created_at", "closed_at")
    print_facts(shown, names)
    if dispute["frozen"] is not None:
        say(f"[dim]{'frozen':<16}[/] {escape(', '.join(frozen_parts(dispute['frozen'])) or 'nothing yet')}")
    for line in taken_lines(dispute["taken_back"]):
        say(f"  {line}")
    for one in dispute["undone"]:
        what = f"{one['quantity']} × {escape(one['sku'])} for {escape(money_text(one['amount']))}"
        say(f"  {one['purchase']} was undone for it: {what}")
    for name, text in (dispute["evidence"] or {}).items():
        line = " ".join(text.split())
        more = f" [dim]… {len(text):,} characters[/]" if len(line) > LONGEST_EVIDENCE else ""
        say(f"[dim]{'evidence':<16}[/] {escape(name)}: {escape(line[:LONGEST_EVIDENCE])}{more}")


def _print_loss(loss: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_as_json(loss)
        return
    say(f"[bold]{loss['purchase']}[/]  if {escape(money_text(loss['amount']))} were lost to its payer's bank now:")
    for line in taken_lines(loss["taken_back"]):
        say(f"  {line}")
    for one in loss["lots"]:
        say(f"  {one['amount']} would be taken from {escape(one['customer']['id'])} ({one['source']}, {one['lot']})")
    for one in loss["undone"]:
        what = f"{one['quantity']} × {escape(one['sku'])} for {escape(money_text(one['amount']))}"
        say(f"  {one['purchase']} would be undone for it: {what}")
    for one in loss["owed"]:
        say(f"  {escape(one['customer']['id'])} would owe {one['amount']} {escape(one['asset'])}")


def _pairs(given: list[str], flag: str) -> dict[str, str]:
    pairs = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"{one} is not FIELD=…", param_hint=flag)
        pairs[name] = value
    return pairs


def _read(paths: dict[str, str]) -> dict[str, str]:
    texts = {}
    for name, path in paths.items():
        try:
            texts[name] = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise typer.BadParameter(f"{path} is no text", param_hint="--text-file") from error
    return texts
