"""Builds the payment gateways that the configuration names, and what the sandbox shares with its emulator."""

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.config import Config, Gateway
from storefront.core.emulator import SandboxClient
from storefront.core.gateways import Gateway as GatewayPort
from storefront.core.gateways.manual import ManualGateway
from storefront.core.gateways.stripe import REQUESTS_PER_SECOND, StripeGateway
from storefront.core.key_files import read_or_create
from storefront.core.reading import Reader

SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class SandboxSecrets:
    """What the server and the emulator share: the API key, and the signing secrets of the shop's two endpoints: that
    for the account's own events, and that for those of its connected accounts."""

    secret_key: str
    webhook_secret: str
    connect_webhook_secret: str

    @classmethod
    def load_or_create(cls, data_dir: Path, section: Gateway | None) -> "SandboxSecrets":
        """Take them from the configuration, else from the data folder, made at the first start."""
        keys = data_dir / "keys"
        given = None if section is None else section.secret("secret_key")
        signing = None if section is None else section.secret("webhook_secret")
        of_connect = None if section is None else section.secret("connect_webhook_secret")
        made_key = read_or_create(keys / "sandbox.secret_key", lambda: _made("sk_test_"))
        made_secret = read_or_create(keys / "sandbox.webhook_secret", lambda: _made("whsec_"))
        made_connect_secret = read_or_create(keys / "sandbox.connect_webhook_secret", lambda: _made("whsec_"))
        return cls(
            made_key.decode() if given is None else given.reveal(),
            made_secret.decode() if signing is None else signing.reveal(),
            made_connect_secret.decode() if of_connect is None else of_connect.reveal(),
        )


def needs_own_sandbox(config: Config) -> bool:
    """Tell whether this server runs the emulator itself: a sandbox gateway without an address of its own."""
    section = config.gateways.get(SANDBOX)
    return section is not None and section.text("url") is None


def configured_gateways(config: Config, own_url: str) -> tuple[dict[str, GatewayPort], SandboxClient | None]:
    """Return ``name -> gateway`` of those that need no database, and what moves the clock of the sandbox's emulator."""
    built: dict[str, GatewayPort] = {}
    emulator = None
    for name, section in config.gateways.items():
        if name == SANDBOX:
            secret = SandboxSecrets.load_or_create(config.data_dir, section)
            url = section.text("url") or f"{own_url}/sandbox"
            emulator = SandboxClient(url, secret.secret_key)
            built[name] = StripeGateway(
                name,
                secret_key=secret.secret_key,
                webhook_secrets=[secret.webhook_secret],
                connect_webhook_secrets=[secret.connect_webhook_secret],
                api_base=url,
                requests_per_second=math.inf,  # the emulator is ours alone
            )
        elif name == "stripe":
            built[name] = _stripe(section)
    return built, emulator


def with_manual(
    gateways: Mapping[str, GatewayPort],
    config: Config,
    reader: Reader,
    engine: CommitEngine,
    clock: Clock,
    *,
    public_url: str,
) -> dict[str, GatewayPort]:
    """Return the gateways in the order of the configuration, the one for payments by hand among them."""
    manual = ManualGateway(
        "manual",
        reader,
        engine,
        clock,
        public_url=public_url,
        is_live=config.mode == "live",
        instructions=config.gateways["manual"].texts("instructions", config.shop.default_language),
    )
    built = {**gateways, manual.name: manual}
    return {name: built[name] for name in config.gateways if name in built}


def _stripe(section: Gateway) -> StripeGateway:
    key = section.secret("secret_key")
    assert key is not None, "the schema requires it"
    return StripeGateway(
        section.name,
        secret_key=key.reveal(),
        webhook_secrets=[secret.reveal() for secret in section.secrets("webhook_secret")],
        connect_webhook_secrets=[secret.reveal() for secret in section.secrets("connect_webhook_secret")],
        api_base=section.text("api_base"),
        account=section.text("account"),
        minimums=section.amounts("minimum_amounts"),
        requests_per_second=section.whole("requests_per_second", REQUESTS_PER_SECOND),
    )


def add_gateways(gateways: dict[str, GatewayPort], found: list[GatewayPort]) -> None:
    """Add what a plugin brings; a name is taken once."""
    for gateway in found:
        if gateway.name in gateways or gateway.name == "wallet":
            raise ValueError(f"the gateway {gateway.name} is there already")
        gateways[gateway.name] = gateway


def _made(prefix: str) -> bytes:
    return (prefix + secrets.token_hex(24)).encode()
