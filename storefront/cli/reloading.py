"""``storefront reload``: the running server reads its YAML again and sells by it from then on."""

import asyncio

from rich.markup import escape

from storefront.cli.asking import ask_server
from storefront.cli.choices import Choice
from storefront.cli.output import console, print_json


def reload(choice: Choice, *, as_json: bool) -> None:
    """Ask the running server to activate its configuration's catalog.

    Raises:
        NoServer: none runs on the data folder.
        ConfigError: the YAML has mistakes; nothing changed.
        ServerRefused: only a restart can put it into effect; nothing changed.
    """
    answer = asyncio.run(ask_server(choice.data_dir(), "reload", {}))
    if as_json:
        print_json(answer)
        return
    out = console()
    what = "The new catalog is on sale" if answer["changed"] else "The catalog is what it was"
    out.print(f"{what}: {answer['offers']} offers, {escape(answer['catalog'])}.")
    if answer["needs_restart"]:
        sections = ", ".join(answer["needs_restart"])
        out.print(f"[yellow]Changed, but only in effect after a restart:[/] {escape(sections)}.")
