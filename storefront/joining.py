"""Builds the shop's services from a configuration and its plugins; ``app.py`` opens and serves them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from storefront.core.announcing import Announcer
from storefront.core.api_keys import DEMO_KEYS, KeyHasher, KeyKind, KeyRecord, take_apart
from storefront.core.catalog import Catalogs
from storefront.core.clock import Clock
from storefront.core.commit.apply import LateStep
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.job_rows import HOLD_EXPIRE, LOT_LAPSE
from storefront.core.config import Config
from storefront.core.customers import Customers
from storefront.core.database import Database
from storefront.core.dispatching import EventDispatcher
from storefront.core.emulator import SandboxClient
from storefront.core.enduring import Endurance
from storefront.core.errors import StorefrontError
from storefront.core.gateway_refunds import sweep_reversal
from storefront.core.hooks import JobHandlers
from storefront.core.inbox import process_event
from storefront.core.jobs import Jobs
from storefront.core.keeping_up import KeepingUp
from storefront.core.keys import Keys
from storefront.core.kinds import OfferKind
from storefront.core.lapsing import lapse_wallet
from storefront.core.leading import Follower, Leader, Leading, OnlyLeader, PostgresLeader
from storefront.core.outgoing.guard import Guard
from storefront.core.outgoing.posting import Poster
from storefront.core.outgoing_webhooks.deliveries import WebhookDeliveries
from storefront.core.outgoing_webhooks.dispatching import WebhookDispatcher
from storefront.core.outgoing_webhooks.endpoints import WebhookEndpoints
from storefront.core.outgoing_webhooks.secrets import WebhookSecrets
from storefront.core.postgres_database import LEADER_LOCK, LOCK_CLASS, PostgresDatabase
from storefront.core.receipts.numberer import ReceiptNumberer
from storefront.core.receipts.signing import ReceiptSigner
from storefront.core.retention import forget
from storefront.core.sealing.sealer import Sealer
from storefront.core.sealing.sending import AnchorSender
from storefront.core.sealing.witnesses import FileWitness, WebhookWitness, Witness
from storefront.core.services import Services
from storefront.core.sessions import SessionTokens, SigningKeys
from storefront.core.shared_keys import SharedKeys
from storefront.core.sqlite_database import SqliteDatabase
from storefront.core.states import CustomerStates
from storefront.core.sweeping import follow_gateway, give_purchase, reconcile_gateway, sweep_purchase
from storefront.gateways import SANDBOX, add_gateways, built_gateways, with_manual
from storefront.plugins import PluginHost


class NotAFile(StorefrontError):
    code = "not_a_file"
    title = "This shop's books are not in a file"


class BadKey(StorefrontError):
    code = "bad_configured_key"
    title = "A key in the configuration is not a key of this shop"


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Outgoing webhooks: who gets them, what became of them, and what brings them."""

    endpoints: WebhookEndpoints
    deliveries: WebhookDeliveries
    dispatcher: WebhookDispatcher


@dataclass(slots=True)
class Parts:
    """Everything that one running shop is made of."""

    host: PluginHost
    database: Database
    services: Services
    jobs: Jobs
    dispatcher: EventDispatcher
    webhooks: Webhooks
    sealer: Sealer
    numberer: ReceiptNumberer
    signer: ReceiptSigner
    leading: Leading
    endurance: Endurance
    keys: Keys
    tokens: SessionTokens
    signing: SigningKeys
    hasher: KeyHasher
    configured_keys: Mapping[str, KeyRecord]
    has_demo_keys: bool
    emulator: SandboxClient | None
    announcer: Announcer | None
    keeping_up: KeepingUp | None

    @property
    def shared_keys(self) -> SharedKeys:
        """What all processes of the shop must have in common."""
        return SharedKeys.of(self.signing, self.hasher)

    def find_key(self, key_id: str) -> KeyRecord | None:
        """Find a key by its id: of the configuration, else of the books."""
        return self.configured_keys.get(key_id) or self.keys.find(key_id)


def join(
    host: PluginHost, *, public_url: str, own_url: str, clock: Clock | None = None, guard: Guard | None = None
) -> Parts:
    """Build the parts; nothing is opened yet. ``own_url`` is the listener's real address.

    ``guard`` says where outgoing webhooks may go; without it, the configuration does.

    Raises:
        PluginFailed: a plugin crashed while it registered, and may not be left out.
    """
    config = host.config
    clock = clock or Clock()
    database = make_database(host)
    engine = CommitEngine(database.store, clock)
    customers = Customers(database.reader, engine, clock)
    kinds = offer_kinds(host)
    catalogs = Catalogs(database.reader, kinds)
    states = CustomerStates(database.reader, clock, customers, catalogs, mode=config.mode, is_shared=database.is_shared)
    gateways, emulator = built_gateways(config, own_url)
    if "manual" in config.gateways:
        gateways = with_manual(gateways, config, database.reader, engine, clock, public_url=public_url)
    services = Services(
        config=config,
        clock=clock,
        reader=database.reader,
        engine=engine,
        customers=customers,
        catalogs=catalogs,
        states=states,
        kinds=kinds,
        gateways=gateways,
        hooks=host.hooks,
        public_url=public_url,
    )
    host.collect("register_gateways", lambda name, found: add_gateways(gateways, found), services=services)
    host.collect("register_late_steps", lambda name, found: _add_late_steps(host, engine, name, found))
    signing = SigningKeys.load_or_create(keys_folder(config))
    hasher = KeyHasher.load_or_create(keys_folder(config))
    endurance = Endurance()
    jobs, keys = _jobs(host, services, endurance), Keys(database.reader, engine, clock, hasher)
    announcer, leader = _among_others(database, engine, endurance)
    dispatcher, sealer = EventDispatcher(services, endurance), Sealer(database.reader, engine, clock)
    signer = ReceiptSigner(signing)
    numberer = ReceiptNumberer(services, signer)
    webhooks = _webhooks(services, hasher, guard or Guard(config.webhooks.allow))
    followers: dict[str, Follower] = {
        "events": dispatcher,
        "webhooks": webhooks.dispatcher,
        "receipts": numberer,
        "anchors": _anchor_sender(services),
        "seals": sealer,
    }
    parts = Parts(
        host=host,
        database=database,
        services=services,
        jobs=jobs,
        dispatcher=dispatcher,
        webhooks=webhooks,
        sealer=sealer,
        numberer=numberer,
        signer=signer,
        leading=Leading(leader, followers, endurance),
        endurance=endurance,
        keys=keys,
        tokens=SessionTokens(signing, clock),
        signing=signing,
        hasher=hasher,
        configured_keys=_configured_keys(config, hasher),
        has_demo_keys=any(key.key.reveal() in DEMO_KEYS for key in config.keys),
        emulator=emulator,
        announcer=announcer,
        keeping_up=KeepingUp(services, keys, jobs, endurance) if database.is_shared else None,
    )
    if parts.keeping_up is not None:
        engine.follow(parts.keeping_up.on_commit)
    for part in (states, services.watchers, parts.jobs, parts.dispatcher, webhooks.dispatcher, numberer):
        engine.follow(part.on_commit)
    return parts


def _among_others(database: Database, engine: CommitEngine, endurance: Endurance) -> tuple[Announcer | None, Leader]:
    """Return what tells other processes of commits, and what decides which of them leads."""
    if isinstance(database, PostgresDatabase):
        return Announcer(database.url, engine, endurance), PostgresLeader(database.url, (LOCK_CLASS, LEADER_LOCK))
    return None, OnlyLeader()


def keys_folder(config: Config) -> Path:
    """Return where a process keeps the secrets that it makes for itself."""
    return config.data_dir / "keys"


def make_database(host: PluginHost) -> Database:
    """Return the database that ``database.url`` names, with the tables of the enabled plugins; nothing is opened."""
    url, histories, tables = host.config.database.url.reveal(), host.histories(), host.tables()
    if url.startswith("postgresql://"):
        return PostgresDatabase(url, histories=histories, tables=tables)
    return SqliteDatabase(database_path(host.config), histories=histories, tables=tables)


def database_path(config: Config) -> Path:
    """Return the SQLite file that ``database.url`` names; a relative one is seen from the YAML's folder."""
    path = Path(config.database.url.reveal().removeprefix("sqlite:///"))
    return path if path.is_absolute() else config.files[0].parent / path


def file_of(config: Config) -> Path:
    """Return the SQLite file of a shop that is kept in one, for commands that copy files; raises ``NotAFile``."""
    if config.database.url.reveal().startswith("postgresql://"):
        raise NotAFile(
            "This shop's books are in PostgreSQL. Back them up and restore them with its own tools (pg_dump and "
            "pg_restore, or a base backup), and the data folder's keys/ with them."
        )
    return database_path(config)


def needs_own_sandbox(config: Config) -> bool:
    """Tell whether this server runs the emulator itself: a sandbox gateway without an address of its own."""
    section = config.gateways.get(SANDBOX)
    return section is not None and section.text("url") is None


def _jobs(host: PluginHost, services: Services, endurance: Endurance) -> Jobs:
    jobs = Jobs(services.reader, services.engine, services.clock, endurance)
    jobs.register("purchase.sweep", lambda payload: sweep_purchase(services, payload))
    jobs.register("purchase.give", lambda payload: give_purchase(services, payload))
    for kind in (HOLD_EXPIRE, LOT_LAPSE):
        jobs.register(kind, lambda payload: lapse_wallet(services, payload))
    jobs.register("retention", lambda payload: forget(services, payload))
    jobs.register("reversal.sweep", lambda payload: sweep_reversal(services, payload))
    jobs.register("gateway.follow", lambda payload: follow_gateway(services, payload))
    jobs.register("gateway.reconcile", lambda payload: reconcile_gateway(services, payload))
    jobs.register("inbox.process", lambda payload: process_event(services, payload))

    def register(plugin: str, found: JobHandlers) -> None:
        for kind, handler in found.items():
            jobs.register(kind, handler)

    host.collect("register_jobs", register, services=services)
    return jobs


def _webhooks(services: Services, hasher: KeyHasher, guard: Guard) -> Webhooks:
    reader, engine, clock = services.reader, services.engine, services.clock
    secrets = WebhookSecrets(hasher)
    endpoints = WebhookEndpoints(reader, engine, clock, secrets=secrets, guard=guard)
    return Webhooks(
        endpoints=endpoints,
        deliveries=WebhookDeliveries(reader, engine, clock, endpoints),
        dispatcher=WebhookDispatcher(services, endpoints, secrets=secrets, poster=Poster(clock, guard.connect)),
    )


def _anchor_sender(services: Services) -> AnchorSender:
    """Build what brings seals outside, to the files and webhooks of the section ``audit``."""
    config, clock = services.config, services.clock
    witnesses: list[Witness] = []
    for target in config.audit.anchors:
        if target.file is not None:
            witnesses.append(FileWitness(target.file))
        if target.webhook is not None:
            secret = None if target.secret is None else target.secret.reveal()
            witnesses.append(WebhookWitness(target.webhook.reveal(), secret, clock))
    return AnchorSender(
        services.reader,
        services.engine,
        clock,
        witnesses=witnesses,
        shop=config.shop.name,
        every_seconds=config.audit.every_seconds,
    )


def _add_late_steps(host: PluginHost, engine: CommitEngine, plugin: str, found: Mapping[str, LateStep]) -> None:
    for name, function in found.items():
        engine.register_late_step(f"{plugin}.{name}", host.hooks.metered(plugin, function))


def offer_kinds(host: PluginHost) -> dict[str, OfferKind]:
    """Return ``name -> kind`` of what the plugins sell; a kind leaves it again if its plugin is left out."""
    kinds: dict[str, OfferKind] = {}
    host.collect("register_offer_kinds", lambda name, found: _add_kinds(host, kinds, name, found))
    return kinds


def _add_kinds(host: PluginHost, kinds: dict[str, OfferKind], plugin: str, found: list[OfferKind]) -> None:
    for kind in found:
        if kind.name in kinds:
            raise ValueError(f"the offer kind {kind.name} is brought by two plugins")
        kinds[kind.name] = kind
        host.when_left_out.setdefault(plugin, []).append(partial(kinds.pop, kind.name))


def _configured_keys(config: Config, hasher: KeyHasher) -> dict[str, KeyRecord]:
    """Return the keys of the configuration as records; the demo keys are known by their names."""
    records = {}
    for key in config.keys:
        plaintext = key.key.reveal()
        if plaintext in DEMO_KEYS:
            continue
        parts = take_apart(plaintext)
        if parts is None:
            raise BadKey(
                f"The key called {key.name or key.kind} is not one that `storefront keys create` made: "
                "its checksum is wrong. Copy it again, or make a new one."
            )
        scopes = frozenset(key.scopes) or frozenset({"*"})
        records[parts.key_id] = KeyRecord(parts.key_id, KeyKind(parts.kind), hasher.digest(parts.secret), scopes)
    return records
