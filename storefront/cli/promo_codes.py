"""``storefront promo-codes``: what codes there are, codes by the thousand, and switching them off."""

import asyncio
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.showing import (
    amount_text,
    ask_shop,
    coloured,
    money_text,
    print_answer,
    print_as_json,
    print_facts,
    print_heading,
    print_table,
    say,
    short_time,
)
from storefront.core.spreadsheets import harmless

if TYPE_CHECKING:
    from storefront.cli.asking import Ask

COLUMNS = ("code", "batch", "number", "uses", "disabled_at")
_PAGE = 1_000

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="The code; case and dashes do not matter.")]
CampaignArgument = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="A bulk code: one under `promo_codes:` that says `bulk: true`.")
]
CsvFlag = Annotated[Path, typer.Option("--csv", "-o", help="The file to write; it appears whole or not at all.")]


@app.callback()
def promo_codes() -> None:
    """Look at promo codes, generate them and switch them off, in a running server or without one.

    \b
    Example:
      storefront promo-codes generate NEWSLETTER --count 10000 --csv codes.csv
    """


@app.command("list")
def list_them(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List the promo codes of the configuration, how often they were used, and how many were generated.

    \b
    Example:
      storefront promo-codes list --json
    """
    found = ask_shop(Choice(file or config, data=data), "promo_codes.list")["data"]
    if as_json:
        print_as_json(found)
    elif found:
        cells = [
            (escape(one["code"]), _worth(one["terms"]), _limit(one["terms"]), str(one["used"]),
             str(one["generated"]) if one["terms"]["bulk"] else "", "[red]off[/]" if one["disabled_at"] else "on")
            for one in found
        ]  # fmt: skip
        print_table(("code", "takes off", "uses", "used", "generated", "state"), cells, right=("used", "generated"))
    else:
        say("There are no promo codes yet: write some under `promo_codes:` of the YAML.")


@app.command()
def show(
    code: CodeArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Show a code, generated or not: its terms, and which purchases it was used for.

    \b
    Example:
      storefront promo-codes show ABCD-EFGH-JKMN-PQRS
    """
    found = ask_shop(Choice(config, data=data), "promo_codes.show", code=code)
    if as_json:
        print_as_json(found)
        return
    terms = found["terms"]
    shown = {
        **found,
        "takes off": None if terms is None else _worth(terms),
        "uses": None if terms is None else _limit(terms),
    }
    print_facts(shown, ("code", "campaign", "batch", "customer", "takes off", "uses", "disabled_at"))
    if found["redemptions"]:
        print_heading("Used for")
        cells = [
            (one["purchase"], short_time(one["created_at"]), escape(one["customer"]),
             escape(money_text(one["discount"])), coloured(one["state"]))
            for one in found["redemptions"]
        ]  # fmt: skip
        print_table(("purchase", "at", "customer", "taken off", "state"), cells, right=("taken off",))


@app.command()
def generate(
    campaign: CampaignArgument,
    *,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1_000_000, help="How many codes.")],
    csv_file: CsvFlag,
    batch: Annotated[
        str | None, typer.Option("--batch", help="What you call them; made up from the file's name without it.")
    ] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Generate codes that nobody guesses, and write them to a file. Safe to repeat.

    The same batch is never made twice: after an interruption the same command makes what is missing and writes the
    whole batch. A lost file is written again by `storefront promo-codes export`.

    \b
    Examples:
      storefront promo-codes generate NEWSLETTER --count 10000 --csv december.csv
      storefront promo-codes generate NEWSLETTER -n 500 -o press.csv --batch press
    """
    name = batch or "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in csv_file.stem.lower())
    wanted = {"code": campaign, "batch": name.strip("-")[:40] or "batch"}
    choice = Choice(config, data=data)
    made = asyncio.run(_generate(choice, wanted, count))
    written = asyncio.run(_write(choice, wanted, csv_file))
    line = f"{made['made']:,} codes of the batch [bold]{escape(made['batch'])}[/] are in {escape(str(csv_file))}."
    if made["made"] > count:
        line += f" [yellow]That is more than {count:,}: the batch had them already.[/]"
    print_answer({**made, "csv": str(csv_file), "written": written}, line, as_json=as_json)


@app.command()
def export(
    campaign: CampaignArgument,
    *,
    csv_file: CsvFlag,
    batch: Annotated[str | None, typer.Option("--batch", help="Only this batch.")] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Write generated codes to a file again, with how often each was used.

    \b
    Example:
      storefront promo-codes export NEWSLETTER --batch december --csv december.csv
    """
    written = asyncio.run(_write(Choice(config, data=data), {"code": campaign, "batch": batch}, csv_file))
    line = f"{written:,} codes are in {escape(str(csv_file))}."
    print_answer({"csv": str(csv_file), "written": written}, line, as_json=as_json)


@app.command()
def disable(
    code: CodeArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Switch a code off: a word of the YAML, a generated code, or a bulk code with all of its codes.

    Purchases that were begun with it keep their price.

    \b
    Example:
      storefront promo-codes disable WINTER30
    """
    found = ask_shop(Choice(config, data=data), "promo_codes.switch", code=code, on=False)
    print_answer(found, f"{escape(found['code'])} is switched off.", as_json=as_json)


@app.command()
def enable(
    code: CodeArgument, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Switch a code on again.

    \b
    Example:
      storefront promo-codes enable WINTER30
    """
    found = ask_shop(Choice(config, data=data), "promo_codes.switch", code=code, on=True)
    print_answer(found, f"{escape(found['code'])} can be used again.", as_json=as_json)


async def _generate(choice: Choice, wanted: dict[str, Any], count: int) -> dict[str, Any]:
    """Ask for codes, some hundreds at a time, until the batch has all of them."""
    from storefront.cli.asking import asking
    from storefront.cli.progress import progress_bar

    with progress_bar() as tell:
        async with asking(choice, choice.load()) as ask:
            while True:
                made = await ask("promo_codes.generate", {**wanted, "count": count})
                tell("generating", made["made"], count)
                if made["made"] >= count:
                    return made


async def _write(choice: Choice, wanted: dict[str, Any], path: Path) -> int:
    """Write the codes to a file that only its owner can read; return how many."""
    from storefront.cli.asking import asking, is_running, need_database
    from storefront.cli.exporting import opened
    from storefront.cli.progress import progress_bar

    count, after, host = 0, None, choice.load()
    if not is_running(host.config.data_dir):
        need_database(host)
    with progress_bar(total=None) as tell, opened(path) as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        async with asking(choice, host) as ask:
            while True:
                page = await _page(ask, wanted, after)
                writer.writerows([_cell(one[name]) for name in COLUMNS] for one in page["data"])
                count, after = count + len(page["data"]), page["next"]
                tell("writing", count, None)
                if after is None:
                    return count


def _cell(value: object) -> str:
    return "" if value is None else harmless(str(value))


async def _page(ask: "Ask", wanted: dict[str, Any], after: str | None) -> dict[str, Any]:
    return await ask("promo_codes.generated", {**wanted, "limit": _PAGE, "after": after})


def _worth(terms: dict[str, Any]) -> str:
    if terms["percent"] is not None:
        return f"{terms['percent']} %"
    return " or ".join(escape(amount_text(amount, asset)) for asset, amount in terms["amount"].items())


def _limit(terms: dict[str, Any]) -> str:
    parts = ["unlimited" if terms["uses"] is None else f"{terms['uses']:,}"]
    parts += ["per code"] if terms["bulk"] else []
    parts += [] if terms["per_customer"] is None else [f"({terms['per_customer']:,} per customer)"]
    return " ".join(parts)
