"""``storefront check --online``: asks each gateway of the YAML whether it would work, before anybody pays."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape

from storefront.cli.output import console
from storefront.configured_gateways import needs_own_sandbox
from storefront.core.config import Config
from storefront.core.errors import StorefrontError
from storefront.core.gateways import (
    Gateway,
    GatewayRefused,
    GatewayUnavailable,
    StandingFacts,
    TellsStanding,
)
from storefront.joining import join
from storefront.plugins import PluginHost

ANY_ADDRESS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 compared with, not bound
_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]–[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about a gateway; ``ok`` is None where it cannot be told, or is worth a look only."""

    gateway: str
    fact: str
    ok: bool | None
    says: str


async def ask_gateways(host: PluginHost) -> list[Finding]:
    """Ask every gateway of the configuration; nothing is written, here or there, but keys that serving makes too."""
    config = host.config
    address = "127.0.0.1" if config.web.host in ANY_ADDRESS else config.web.host
    own_url = f"http://{f'[{address}]' if ':' in address else address}:{config.web.port}"
    gateways = join(host, public_url=config.web.public_url or own_url, own_url=own_url).services.gateways
    try:
        return [finding for name, gateway in gateways.items() for finding in await _ask(name, gateway, config)]
    finally:
        for gateway in gateways.values():
            await gateway.close()


def print_findings(findings: list[Finding]) -> None:
    """Print a line per fact."""
    for one in findings:
        console().print(f"  {_MARKS[one.ok]} {escape(one.gateway)} [dim]{one.fact}[/]: {escape(one.says)}")


def as_facts(findings: list[Finding]) -> list[dict[str, Any]]:
    """Return the findings for ``--json``."""
    return [asdict(one) for one in findings]


async def _ask(name: str, gateway: Gateway, config: Config) -> list[Finding]:
    if not isinstance(gateway, TellsStanding):
        return [Finding(name, "keys", None, "there is nothing that it could be asked")]
    try:
        standing = await gateway.look_at_standing()
    except GatewayRefused as refused:
        says = f"{refused.detail} Copy the key into gateways.{name} again; docs/payments.md lists the rights it needs."
        return [Finding(name, "keys", False, says)]
    except GatewayUnavailable:
        how = "is there a way to it from this machine?"
        if name == "sandbox":
            brings = "`storefront serve` brings it" if needs_own_sandbox(config) else "`storefront sandbox` starts it"
            how = f"it does not run at the address that the YAML means. {brings}; then check again."
        return [Finding(name, "keys", False, f"it does not answer: {how}")]
    except StorefrontError as error:
        return [Finding(name, "keys", False, error.detail)]
    return [Finding(name, "keys", True, "the gateway takes them"), *_judge(name, standing, config)]


def _judge(name: str, standing: StandingFacts, config: Config) -> Iterator[Finding]:
    theirs, ours = ("live" if standing.is_live else "test"), str(config.mode)
    is_same = standing.is_live == (config.mode == "live")
    says = f"{theirs} keys, as a {ours} shop needs" if is_same else (
        f"these are {theirs} keys, and the YAML says mode: {ours}. "
        f"Put the account's {'live' if ours == 'live' else 'test'} keys there."
    )  # fmt: skip
    yield Finding(name, "mode", is_same, says)
    is_wanted = standing.version == standing.wanted_version
    told = f"it answers in {standing.version or '(unnamed)'}"
    yield Finding(name, "version", is_wanted, told if is_wanted else f"{told}, not in {standing.wanted_version}")
    yield _judge_endpoints(name, standing, config)


def _judge_endpoints(name: str, standing: StandingFacts, config: Config) -> Finding:
    path = f"/webhooks/{name}"
    wanted = f"{config.web.public_url}{path}" if config.web.public_url and name != "sandbox" else path
    if standing.endpoints is None:
        return Finding(name, "webhooks", None, f"this key may not list them; see that one leads to {wanted}")
    ours = [one for one in standing.endpoints if one.url == wanted or (wanted == path and one.url.endswith(path))]
    if not ours:
        return Finding(name, "webhooks", False, f"no endpoint leads to {wanted}. Make one there: docs/payments.md")
    disabled = sorted({one.url for one in ours if not one.is_enabled})
    if disabled:
        return Finding(name, "webhooks", False, f"switched off at the gateway: {', '.join(disabled)}")
    others = sorted({one.version for one in ours if one.version not in (None, standing.wanted_version)})
    if others:
        says = f"they are written in {', '.join(map(str, others))}, not in {standing.wanted_version}"
        return Finding(name, "webhooks", None, f"{says}: only their ids are used")
    return Finding(name, "webhooks", True, f"posted to {', '.join(sorted({one.url for one in ours}))}")
