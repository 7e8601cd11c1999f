"""The commands, their flags and their help; what each does is in a file of its own, imported when it runs."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from storefront.cli import (
    alarms,
    asking_health,
    audit,
    backups,
    creators,
    customers,
    deliveries,
    disputes,
    experiments,
    exporting,
    fraud,
    importing,
    inbox,
    jobs,
    keys,
    mail,
    operators,
    payments,
    payouts,
    promo_codes,
    purchases,
    reconciling,
    refunding,
    report,
    reviews,
    subscriptions,
    webhooks,
)
from storefront.cli.choices import (
    DEFAULT_CONFIG,
    Choice,
    ConfigArgument,
    ConfigFlag,
    DataFlag,
    HostFlag,
    JsonFlag,
    PortFlag,
)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(asking_health.health)
app.command()(backups.backup)
app.command()(backups.restore)
app.add_typer(importing.app, name="import")
app.add_typer(exporting.app, name="export")
app.add_typer(keys.app, name="keys")
app.add_typer(payments.app, name="payments")
app.add_typer(audit.app, name="audit")
app.add_typer(webhooks.app, name="webhooks")
app.command(cls=refunding.AmountInQuotes)(refunding.refund)
app.add_typer(report.app, name="report")
app.command()(reconciling.reconcile)
app.command()(experiments.experiments)
for name, group in (
    ("customers", customers),
    ("creators", creators),
    ("purchases", purchases),
    ("subscriptions", subscriptions),
    ("payouts", payouts),
    ("promo-codes", promo_codes),
    ("disputes", disputes),
    ("reviews", reviews),
    ("operators", operators),
    ("fraud", fraud),
    ("deliveries", deliveries),
    ("mail", mail),
    ("inbox", inbox),
    ("jobs", jobs),
    ("alarms", alarms),
):
    app.add_typer(group.app, name=name)


@app.callback()
def storefront() -> None:
    """A self-hosted storefront server for games and creators.

    \b
    Start here:
      storefront demo     a whole purchase, told step by step
      storefront serve    the shop in your browser
    """


@app.command()
def serve(
    context: typer.Context,
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    host: HostFlag = None,
    port: PortFlag = None,
    data: DataFlag = None,
    workers: Annotated[
        int, typer.Option("--workers", "-w", min=1, max=64, help="Server processes; more than one need PostgreSQL.")
    ] = 1,
    worker: Annotated[int | None, typer.Option("--worker", hidden=True)] = None,
    listen_on: Annotated[int | None, typer.Option("--listen-on", hidden=True)] = None,
    say_ready_on: Annotated[int | None, typer.Option("--say-ready-on", hidden=True)] = None,
    sandbox_url: Annotated[str | None, typer.Option("--sandbox-url", hidden=True)] = None,
) -> None:
    """Serve the shop until Ctrl-C or SIGTERM; SIGHUP reads the YAML again.

    What is under way when it stops may finish, for up to 30 seconds.

    \b
    Examples:
      storefront serve
      storefront serve my-shop.yaml --port 9000 --data ./my-data
      PORT=0 storefront serve                    any free port; it is printed
      storefront serve --workers 4               four processes on one PostgreSQL
    """
    from storefront.cli import banner, serving, working

    began: float = context.obj
    choice = Choice(file or config, host, port, data, sandbox_url)
    if worker is not None:
        serving.run(working.work(choice, working.Role(worker, listen_on, say_ready_on)))
    elif workers > 1:
        tell = partial(banner.announce, began=began, workers=workers)
        serving.run(working.serve_with_workers(choice, workers, tell))
    else:
        serving.run(serving.serve(choice, lambda facts: banner.announce(facts, began=began)))


@app.command()
def check(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    host: HostFlag = None,
    port: PortFlag = None,
    data: DataFlag = None,
    online: Annotated[
        bool, typer.Option("--online", help="Ask each gateway too: keys, mode, API version, webhook endpoints.")
    ] = False,
    against_live: Annotated[
        bool, typer.Option("--against-live", help="Tell what it changes of what the shop sells now.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="With --against-live: 0 no change, 2 changes, 1 mistakes.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Explain every mistake in the YAML, with file, line and column; exit code 2 if there is one.

    With --online each gateway is asked as well, and nothing is changed there; exit code 1 if one would not work.
    With --against-live the shop's database is read, and nothing is written, whether a server runs or not.

    \b
    Examples:
      storefront check my-shop.yaml
      storefront check --against-live            what would `storefront reload` change?
      storefront check --against-live --exit-code --json
      storefront check --json | jq '.mistakes[] | .path'
      storefront check --online                  are the gateway's keys good?
    """
    from storefront.cli import configuring

    checks = configuring.Checks(online, against_live or exit_code, exit_code)
    configuring.check(Choice(file or config, host, port, data), checks, as_json=as_json)


@app.command("config-schema")
def config_schema(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
) -> None:
    """Print the YAML's JSON Schema, with what the installed plugins add, so that editors complete it.

    \b
    Example:
      storefront config-schema --output config.schema.json
    """
    from storefront.cli import configuring

    configuring.print_schema(output)


@app.command()
def plugins(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which plugins are installed and enabled, how they are doing, and why one was left out.

    \b
    Example:
      storefront plugins --json
    """
    from storefront.cli import plugin_list

    plugin_list.show_plugins(Choice(file or config, data=data), as_json=as_json)


@app.command()
def migrate(
    *,
    status: Annotated[bool, typer.Option("--status", help="Only show where the database stands.")] = False,
    to: Annotated[
        str | None, typer.Option("--to", metavar="REVISION", help="Up or down to this revision; base, head.")
    ] = None,
    history: Annotated[
        str, typer.Option("--history", help="Whose tables --to means: core, or a plugin's name.")
    ] = "core",
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring the database up to this version. `serve` does it too: this is for doing it beforehand.

    A SQLite database is copied into backups/ beside it first. Going down refuses to lose rows of the ledger.

    \b
    Examples:
      storefront migrate --status
      storefront migrate
      storefront migrate --to 0001                      before installing an older version
      storefront migrate --to base --history fraud      a plugin's tables go
    """
    from storefront.cli import upgrading

    upgrading.migrate(Choice(file or config, data=data), only_status=status, to=to, history=history, as_json=as_json)


@app.command()
def move(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            envvar="STOREFRONT_MOVE_TO",
            show_envvar=True,
            metavar="URL",
            help="The empty database; $NAME in it is taken from the environment, so that no password is typed.",
        ),
    ],
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Move the books from the SQLite file to an empty PostgreSQL database, and prove that all have arrived.

    The server must be stopped. All rows are copied in one transaction, read again on both sides, compared and
    audited. The file stays, but is not served any more.

    \b
    Examples:
      storefront move --to 'postgresql://shop:$DATABASE_PASSWORD@db.example/shop'
      STOREFRONT_MOVE_TO=postgresql://shop@db.example/shop storefront move --json
    """
    from storefront.cli import moving

    moving.move(Choice(file or config, data=data), to=to, as_json=as_json)


@app.command()
def reload(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Let the running server read its YAML again: offers, prices and texts change without a restart.

    With a mistake in the YAML nothing changes, and the mistakes are printed.

    \b
    Example:
      storefront reload
    """
    from storefront.cli import reloading

    reloading.reload(Choice(file or config, data=data), as_json=as_json)


@app.command()
def sandbox(
    *,
    file: ConfigArgument = None,
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="Port to listen on.")] = 8081,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    public_url: Annotated[str | None, typer.Option("--public-url", help="Where browsers reach it.")] = None,
    webhook_url: Annotated[
        str, typer.Option("--webhook-url", help="Where the shop listens for what happened.")
    ] = "http://127.0.0.1:8080/webhooks/sandbox",
    behaviour: Annotated[
        Path | None, typer.Option("--behaviour", help="YAML: settlement currencies, rates, what goes wrong.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", envvar="CONFIG", show_envvar=True, help="A shop's YAML file; none is needed."),
    ] = None,
    data: DataFlag = None,
    listen_on: Annotated[int | None, typer.Option("--listen-on", hidden=True)] = None,
    say_ready_on: Annotated[int | None, typer.Option("--say-ready-on", hidden=True)] = None,
) -> None:
    """Run the payment emulator by itself, to restart the shop without it or to try your own client on it.

    Without a shop's YAML (named, or config.example.yaml in this folder) it needs nothing but a data folder.

    \b
    Examples:
      storefront sandbox --port 8081 --behaviour sandbox.yaml
      storefront sandbox --port 8081 --data ./stripe
    """
    from storefront.cli import emulating, serving

    named = file or config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    surroundings = emulating.surroundings_of(named, data)
    wanted = emulating.behaviour_of(behaviour)
    listener = serving.bind(host, port) if listen_on is None else serving.inherited(listen_on)
    emulator = emulating.emulate(
        surroundings,
        listener,
        public_url=public_url,
        webhook_url=webhook_url,
        behaviour=wanted,
        say_ready_on=say_ready_on,
    )
    serving.run(emulator)


@app.command()
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="End when the story is told.")] = False,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    subscriptions: Annotated[
        bool, typer.Option("--subscriptions", help="Play years of subscriptions instead, in simulated time.")
    ] = False,
    subscribers: Annotated[
        int, typer.Option("--subscribers", min=1, max=100_000, help="How many people subscribe.")
    ] = 1_000,
    years: Annotated[
        int | None, typer.Option("--years", min=1, max=20, help="For how long; 2 if nothing is said.")
    ] = None,
    months: Annotated[int | None, typer.Option("--months", min=1, max=240, help="The same, in months.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="What decides their choices; printed if it is drawn.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Play a whole purchase against a fresh server, step by step; the shop stays open to look around.

    With --subscriptions people subscribe, try, pay, run short, cancel and come back for two years, while the gateway
    and the server have their bad days; then come the funnel, revenue by month, churn, dunning, and the audit.

    \b
    Examples:
      storefront demo
      storefront demo --once      for scripts: exit code 1 if anything is not as told
      storefront demo --subscriptions
      storefront demo --subscriptions --subscribers 50 --months 6 --seed 7 --json
    """
    if subscriptions:
        from storefront.cli.years import playing, telling

        wanted = playing.Wanted.of(subscribers, years=years, months=months, seed=seed)
        telling.demonstrate(wanted, as_json=as_json)
        return
    from storefront.cli import demo as story

    asyncio.run(story.play(Choice(file or config), once=once))


@app.command()
def version(as_json: JsonFlag = False) -> None:
    """Print the versions of Storefront, Python and SQLite.

    \b
    Example:
      storefront version
    """
    import platform
    import sqlite3
    from importlib.metadata import version as version_of

    facts = {
        "storefront": version_of("storefront"),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    from storefront.cli.output import console, print_json

    if as_json:
        print_json(facts)
    else:
        console().print("storefront {storefront} (Python {python}, SQLite {sqlite})".format(**facts))
