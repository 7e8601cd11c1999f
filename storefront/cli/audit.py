"""``storefront audit``: the books proved, to their owner and to strangers; ``auditing`` and ``proving`` do it."""

from pathlib import Path
from typing import Annotated

import typer

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, DataFlag, JsonFlag

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def audits() -> None:
    """Prove the books: nothing lost, nothing doubled, nothing edited.

    \b
    Example:
      storefront audit verify --deep
    """


@app.command()
def verify(
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Also check everything around the ledger.")] = False,
    anchor: Annotated[
        list[Path] | None,
        typer.Option("--anchor", help="A file of anchors that were kept outside; those of the YAML are always read."),
    ] = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Check the books, also while a server runs; exit code 1 if anything is wrong.

    Nothing is written into them; what was found stands at /metrics as well.

    \b
    Examples:
      storefront audit verify
      storefront audit verify my-shop.yaml --deep --json
      storefront audit verify --anchor anchors-of-the-accountant.jsonl
    """
    from storefront.cli import auditing

    auditing.verify(Choice(file or config, data=data), deep=deep, anchors=anchor or [], as_json=as_json)


@app.command()
def prove(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="The entry's id, ent_…")],
    *,
    to: Annotated[int | None, typer.Option("--to", min=1, help="End with this seal, not with the newest.")] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove that an entry stands in the books as it was sealed; docs/verify_proof.py checks it anywhere.

    \b
    Examples:
      storefront audit prove ent_01kb3v9d8wfxc8q4v1y5z7e2ma
      storefront audit prove ent_01kb3v9d8wfxc8q4v1y5z7e2ma --json > proof.json
    """
    from storefront.cli import proving

    proving.prove(Choice(config, data=data), entry, to_seal=to, as_json=as_json)


@app.command()
def seals(
    *,
    last: Annotated[int, typer.Option("--last", min=1, max=1000, help="How many to show.")] = 20,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List the newest seals, and what is not sealed yet.

    \b
    Example:
      storefront audit seals --last 5
    """
    from storefront.cli import proving

    proving.list_seals(Choice(file or config, data=data), last=last, as_json=as_json)
