"""``storefront mail``: what the plugin mail is asked by hand."""

from typing import Annotated

import typer

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.showing import ask_shop, print_as_json, print_facts

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def mail() -> None:
    """See whether mail goes out.

    \b
    Example:
      storefront mail test me@example.com
    """


@app.command("test")
def send_test(
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to send it.")],
    *,
    language: Annotated[str | None, typer.Option("--language", help="In this language.")] = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Send a test mail now, past the queue; says what the SMTP server answered if it was not taken.

    \b
    Example:
      storefront mail test me@example.com --language de
    """
    sent = ask_shop(Choice(config, data=data), "mail.test", to=to, language=language)
    if as_json:
        print_as_json(sent)
    else:
        print_facts(sent, ("to", "server", "message_id"))
