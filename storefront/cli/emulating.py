"""``storefront sandbox``: the payment emulator alone, for a shop that is told its address."""

from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from storefront.cli.choices import Choice
from storefront.cli.output import console
from storefront.cli.serving import Listener, listening, start_logging, stop_signals
from storefront.cli.supervising import say_ready
from storefront.configured_gateways import SANDBOX, SandboxSecrets
from storefront.core.config import Gateway
from storefront.core.errors import StorefrontError
from storefront.sandbox import create_sandbox
from storefront.sandbox.behaviour import Behaviour, read_behaviour


class BadBehaviour(StorefrontError):
    """The file given to ``--behaviour`` is not one."""

    code = "sandbox_behaviour_invalid"
    title = "The sandbox's behaviour file cannot be used"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the emulator takes from a shop's YAML; the defaults are those of one that runs without a shop."""

    data_dir: Path
    log_level: str = "info"
    log_format: str = "console"
    section: Gateway | None = None
    shop_name: str = "Sandbox"


def surroundings_of(config: Path | None, data: Path | None) -> Surroundings:
    """Read a shop's YAML for what the emulator needs; without one (None) nothing but a data folder is needed.

    Raises:
        ConfigError, PluginFailed: the YAML that was named cannot be used.
    """
    if config is None:
        return Surroundings((data or Path("data")).absolute())
    read = Choice(config, data=data).load().config
    return Surroundings(
        read.data_dir, read.logging.level, read.logging.format, read.gateways.get(SANDBOX), read.shop.name
    )


async def emulate(
    surroundings: Surroundings,
    listener: Listener,
    *,
    public_url: str | None,
    webhook_url: str,
    behaviour: Behaviour | None = None,
    say_ready_on: int | None = None,
) -> None:
    """Run the emulator until SIGINT or SIGTERM; it shares its secrets with the shop by the data folder.

    As a server's child it tells its parent that it is up instead of people, and ends with it.

    Raises:
        SandboxLocked: another emulator runs on this data folder.
    """
    folder = surroundings.data_dir
    start_logging(surroundings.log_level, surroundings.log_format)
    secrets = SandboxSecrets.load_or_create(folder, surroundings.section)
    url = public_url or listener.url
    app = create_sandbox(
        path=folder / "sandbox.sqlite",
        public_url=url,
        secret_key=secrets.secret_key,
        endpoint=(webhook_url, secrets.webhook_secret),
        connect_endpoint=(webhook_url, secrets.connect_webhook_secret),
        shop_name=surroundings.shop_name,
        behaviour=behaviour,
    )
    async with stop_signals(has_parent=say_ready_on is not None) as stop, listening(app, listener):
        if say_ready_on is not None:
            say_ready(say_ready_on, {"url": url})
        else:
            _tell(url, webhook_url, folder / "keys")
        await stop.wait()


def behaviour_of(path: Path | None) -> Behaviour | None:
    """What a file orders of the emulator.

    Raises:
        BadBehaviour: it cannot be read or understood; the message says where.
    """
    if path is None:
        return None
    try:
        return read_behaviour(path)
    except ValueError as error:
        raise BadBehaviour(f"{error}") from error


def _tell(url: str, webhook_url: str, keys: Path) -> None:
    out = console()
    out.print(f"\n  [bold]Payment sandbox[/]  {url}\n")
    out.print(f"  Webhooks go to {escape(webhook_url)}; the keys are in {escape(str(keys))}.")
    out.print("  Point the shop at it in its YAML and start it on the same data folder:\n")
    out.print(f"    gateways:\n      sandbox:\n        url: {escape(url)}\n")
