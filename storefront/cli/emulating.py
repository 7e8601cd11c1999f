"""``storefront sandbox``: the payment emulator alone, for a shop that is told its address."""

from rich.markup import escape

from storefront.cli.choices import Choice
from storefront.cli.output import console
from storefront.cli.serving import bind, listening, start_logging, stop_signals
from storefront.joining import SANDBOX, SandboxSecrets
from storefront.sandbox import create_sandbox


async def emulate(choice: Choice, *, host: str, port: int, public_url: str | None, webhook_url: str) -> None:
    """Run the emulator until SIGINT or SIGTERM; it shares its secrets with the shop by the data folder.

    Raises:
        CannotListen: the address is taken.
        SandboxLocked: another emulator runs on this data folder.
    """
    config = choice.load().config
    start_logging(config.logging.level, config.logging.format)
    secrets = SandboxSecrets.load_or_create(config.data_dir, config.gateways.get(SANDBOX))
    listener = bind(host, port)
    url = public_url or listener.url
    app = create_sandbox(
        path=config.data_dir / "sandbox.sqlite",
        public_url=url,
        secret_key=secrets.secret_key,
        endpoint=(webhook_url, secrets.webhook_secret),
        shop_name=config.shop.name,
    )
    async with stop_signals() as stop, listening(app, listener):
        out = console()
        out.print(f"\n  [bold]Payment sandbox[/]  {url}\n")
        out.print(f"  Webhooks go to {escape(webhook_url)}; the keys are in {escape(str(config.data_dir / 'keys'))}.")
        out.print("  Point the shop at it in its YAML and start it on the same data folder:\n")
        out.print(f"    gateways:\n      sandbox:\n        url: {escape(url)}\n")
        await stop.wait()
