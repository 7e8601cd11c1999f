"""``storefront fraud``: why a purchase was let through or not, lists, and rules tried on what has happened."""

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
from storefront.cli.showing import (
    ask_shop,
    coloured,
    print_as_json,
    print_heading,
    print_page,
    print_table,
    say,
    short_time,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
lists_app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(lists_app, name="lists")

ListArgument = Annotated[str, typer.Argument(metavar="LIST", help="The list, as in: storefront fraud lists show")]
ValuesArgument = Annotated[list[str], typer.Argument(metavar="VALUE…", help="What is put on it, or taken off.")]


class Verdict(StrEnum):
    """What was said of a purchase or of its payment."""

    ALLOW = "allow"
    CHALLENGE = "challenge"
    REVIEW = "review"
    BLOCK = "block"


@app.callback()
def fraud() -> None:
    """Look at what the fraud rules did, keep their lists, and try new rules on what has happened.

    \b
    Examples:
      storefront fraud test --since 30d
      storefront fraud explain pur_01k9x3v2m7q8r5t4w6y1z0abcd
      storefront fraud lists add banned_devices 7f3a --reason "shared account" --for 30d
    """


@lists_app.callback()
def lists() -> None:
    """Show lists, and put values on them for a while or until they are removed."""


@app.command()
def decisions(
    *,
    verdict: Annotated[Verdict | None, typer.Option("--verdict", help="Only these.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer's.")] = None,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List what was decided, newest first, refused purchases too.

    \b
    Example:
      storefront fraud decisions --verdict block
    """
    asked = {"verdict": None if verdict is None else str(verdict), "customer": customer, "limit": limit, "after": after}
    page = ask_shop(Choice(file or config, data=data), "fraud.decisions", **asked)
    columns = ("purchase", "stage", "verdict", "by", "rules", "decided")
    print_page(page, columns, _cells, empty="Nothing was decided so far.", as_json=as_json, prose=("rules",))


@app.command()
def explain(
    purchase: Annotated[str, typer.Argument(metavar="PURCHASE", help="Its id, of a refused one too.")],
    *,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what was decided of a purchase: every rule that matched, what is unusual, and every value that was read.

    \b
    Example:
      storefront fraud explain pur_01k9x3v2m7q8r5t4w6y1z0abcd
    """
    told = ask_shop(Choice(config, data=data), "fraud.explain", purchase=purchase)
    if as_json:
        print_as_json(told)
        return
    for one in told["decisions"]:
        when = {"purchase": "Before anything was written", "payment": "When the payment was known"}[one["stage"]]
        print_heading(f"{when}: {one['verdict']} ({one['decided_by']})")
        for match in one["matches"]:
            why = match.get("error") or ", ".join(match.get("missing", ())) or ""
            say(f"  [bold]{escape(match['rule'])}[/] {match['do']} ({match['mode']}): {match['because']} {escape(why)}")
        for reason in (one["anomaly"] or {"reasons": ()})["reasons"]:
            say(f"  [bold]unusual[/] {escape(reason['says'])}")
        for name, value in sorted(one["attributes"].items()):
            say(f"  [dim]{escape(name)}[/] {escape('could not be had' if value is None else str(value))}")


@app.command()
def rules(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List the rules: when each runs, and how often it matched or ended in an error within the last 24 hours.

    \b
    Example:
      storefront fraud rules
    """
    told = ask_shop(Choice(file or config, data=data), "fraud.rules")
    if as_json:
        print_as_json(told)
    elif told["data"]:
        rows = [
            (escape(one["id"]), one["do"], one["mode"], one["stage"], str(one["matched"]), str(one["errors"]),
             escape(one["last_error"] or "")) for one in told["data"]
        ]  # fmt: skip
        columns = ("rule", "does", "mode", "at", "matched", "errors", "last error")
        print_table(columns, rows, right=("matched", "errors"), prose=("last error",))
    else:
        say("There are none.")


@app.command("test")
def replay(
    *,
    since: Annotated[str, typer.Option("--since", help="From when on: 30d, or an instant.")] = "30d",
    rules_file: Annotated[
        Path | None, typer.Option("--rules", help="Other rules: a YAML list, or a file with plugins.fraud.rules.")
    ] = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Replay rules over what was decided: what would be stopped, which disputes that catches, and whom else it hits.

    Without --rules the shop's own, which say the same again. Nothing is written.

    \b
    Examples:
      storefront fraud test --since 30d
      storefront fraud test --since 30d --rules new.yaml --json | jq .good
    """
    choice = Choice(file or config, data=data)
    written = None if rules_file is None else _rules_in(choice, rules_file)
    told = ask_shop(choice, "fraud.test", since=since, rules=written)
    if as_json:
        print_as_json(told)
    else:
        _tell_test(told)


@lists_app.command("show")
def show_lists(
    name: Annotated[str | None, typer.Argument(metavar="[LIST]", help="One list; without it, all.")] = None,
    *,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which lists there are, or what is on one, why, and until when.

    \b
    Example:
      storefront fraud lists show reported_cards
    """
    choice = Choice(config, data=data)
    told = ask_shop(choice, "fraud.lists.list") if name is None else ask_shop(choice, "fraud.lists.show", list=name)
    if as_json:
        print_as_json(told)
    elif name is None:
        print_table(("list", "values"), [(one["list"], str(one["values"])) for one in told["data"]], right=("values",))
    else:
        _tell_list(told)


@lists_app.command("add")
def add_to_list(
    name: ListArgument,
    values: ValuesArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with them.")],
    lasting: Annotated[
        str | None, typer.Option("--for", help="For how long, as in 30d; without it, until it is removed.")
    ] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Put values on a list. Safe to repeat: the end is then the new one. Audited.

    \b
    Example:
      storefront fraud lists add banned_devices 7f3a 91bc --reason "shared account" --for 30d
    """
    asked = {"list": name, "values": values, "reason": reason, "for": lasting}
    told = ask_shop(Choice(config, data=data), "fraud.lists.add", **asked)
    if as_json:
        print_as_json(told)
    else:
        _tell_list(told)


@lists_app.command("remove")
def remove_from_list(
    name: ListArgument,
    values: ValuesArgument,
    *,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Take values off a list; what the YAML says stays on it. Audited.

    \b
    Example:
      storefront fraud lists remove banned_devices 7f3a
    """
    told = ask_shop(Choice(config, data=data), "fraud.lists.remove", list=name, values=values)
    if as_json:
        print_as_json(told)
    else:
        _tell_list(told)


def _rules_in(choice: Choice, path: Path) -> Any:
    """Read rules from a file: a list, or a configuration that has them; a mistake is said as one in the shop's own.

    Raises:
        ConfigError: every mistake in it.
    """
    from storefront.plugins import read_part

    return read_part(choice.config, choice.environ(), ("plugins", "fraud", "rules"), path)


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    rules = ", ".join(match["rule"] for match in one["matches"])
    return (one["purchase"], one["stage"], coloured(one["verdict"]), one["decided_by"], escape(rules) or "-",
            short_time(one["created_at"]))  # fmt: skip


def _tell_list(told: dict[str, Any]) -> None:
    if not told["data"]:
        say(f"Nothing is on {escape(told['list'])}.")
        return
    rows = [
        (escape(one["value"]), escape(one["reason"]), escape(one["actor"]),
         "-" if one["expires_at"] is None else short_time(one["expires_at"])) for one in told["data"]
    ]  # fmt: skip
    print_table(("value", "reason", "by", "until"), rows, prose=("reason",))


def _tell_test(told: dict[str, Any]) -> None:
    say(f"{told['purchases']} purchases since {short_time(told['since'])}, {told['decisions']} decisions, "
        f"{told['same']} of them the same")  # fmt: skip
    verdicts = [(word, str(told["then"][word]), str(told["now"][word])) for word in told["now"]]
    print_table(("verdict", "then", "now"), verdicts, right=("then", "now"))
    for kind, words in (("disputes", "disputed purchases stopped"), ("good", "good purchases stopped")):
        one = told[kind]
        say(f"  {words}: {one['stopped_then']} then, {one['stopped_now']} now, of {one['total']}")
    say(f"  good customers hit now: {told['good_customers_hit']}")
    if told["rules"]:
        names = ("matched", "disputed", "good", "errors")
        rows = [(escape(one["id"]), *(str(one[name]) for name in names)) for one in told["rules"]]
        print_table(("rule", *names), rows, right=names)
    for name, many in told["unknown"].items():
        say(f"  [yellow]{escape(name)}[/] was not known in {many} decisions")
    if told["changes"]:
        rows = [(one["purchase"], escape(one["customer"]), one["then"], one["now"], escape(", ".join(one["rules"])),
                 "disputed" if one["disputed"] else "") for one in told["changes"]]  # fmt: skip
        print_table(("purchase", "customer", "then", "now", "rules", ""), rows, prose=("rules",))
    if told["more_changes"]:
        say(f"  and {told['more_changes']} more")
