"""``storefront creators``: who of the creators may steer their own page."""

from typing import Annotated

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigFlag, DataFlag, JsonFlag
from storefront.cli.showing import ask_shop, print_as_json, say, short_time

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
CreatorArgument = Annotated[str, typer.Argument(metavar="CREATOR", help="As the YAML calls them: luna.")]


@app.callback()
def creators() -> None:
    """Let a creator in to their control page, or sign them out everywhere.

    \b
    Examples:
      storefront creators invite luna
      storefront creators sign-out luna
    """


@app.command()
def invite(
    creator: CreatorArgument, *, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Print a link that signs a creator in, once, within a day; one that was not used yet stops.

    \b
    Example:
      storefront creators invite luna
    """
    told = ask_shop(Choice(config, data=data), "fanfunding.creators.invite", creator=creator)
    if as_json:
        print_as_json(told)
        return
    say(f"Send this to [bold]{escape(told['creator'])}[/]; whoever opens it first is signed in:")
    say(f"  {escape(told['url'])}")
    say(f"[dim]Good once, until {short_time(told['expires_at'])} UTC.[/]")


@app.command("sign-out")
def sign_out(
    creator: CreatorArgument, *, config: ConfigFlag = DEFAULT_CONFIG, data: DataFlag = None, as_json: JsonFlag = False
) -> None:
    """Sign a creator out on every device, and stop sign-in links that were not used.

    \b
    Example:
      storefront creators sign-out luna
    """
    told = ask_shop(Choice(config, data=data), "fanfunding.creators.sign_out", creator=creator)
    if as_json:
        print_as_json(told)
        return
    devices = "1 device" if told["signed_out"] == 1 else f"{told['signed_out']} devices"
    say(f"{escape(told['creator'])} was signed out on {devices}.")
