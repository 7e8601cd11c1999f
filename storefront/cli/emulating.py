"""``storefront sandbox``: the payment emulator alone, for a shop that is told its address."""

from pathlib import Path

from rich.markup import escape

from storefront.cli.choices import Choice
from storefront.cli.output import console
from storefront.cli.serving import Listener, listening, start_logging, stop_signals
from storefront.joining import SANDBOX, SandboxSecrets
from storefront.sandbox import create_sandbox


async def emulate(
    choice: Choice, listener: Listener, *, public_url: str | None, webhook_url: str, is_child: bool = False
) -> None:
    """Run the emulator until SIGINT or SIGTERM; it shares its secrets with the shop by the data folder.

    A child of ``serve --workers`` says nothing, and ends with its parent.

    Raises:
        SandboxLocked: another emulator runs on this data folder.
    """
    config = choice.load().config
    start_logging(config.logging.level, config.logging.format)
    secrets = SandboxSecrets.load_or_create(config.data_dir, config.gateways.get(SANDBOX))
    url = public_url or listener.url
    app = create_sandbox(
        path=config.data_dir / "sandbox.sqlite",
        public_url=url,
        secret_key=secrets.secret_key,
        endpoint=(webhook_url, secrets.webhook_secret),
        shop_name=config.shop.name,
    )
    async with stop_signals(has_parent=is_child) as stop, listening(app, listener):
        if not is_child:
            _tell(url, webhook_url, config.data_dir / "keys")
        await stop.wait()


def _tell(url: str, webhook_url: str, keys: Path) -> None:
    out = console()
    out.print(f"\n  [bold]Payment sandbox[/]  {url}\n")
    out.print(f"  Webhooks go to {escape(webhook_url)}; the keys are in {escape(str(keys))}.")
    out.print("  Point the shop at it in its YAML and start it on the same data folder:\n")
    out.print(f"    gateways:\n      sandbox:\n        url: {escape(url)}\n")
