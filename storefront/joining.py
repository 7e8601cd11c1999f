"""Builds the shop's services from a configuration and its plugins; ``app.py`` opens and serves them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from storefront.configured_gateways import add_gateways, configured_gateways, with_manual
from storefront.core.analytics.metrics import AllFigures
from storefront.core.analytics.roller import Roller
from storefront.core.announcing import Announcer
from storefront.core.api_keys import DEMO_KEYS, KeyHasher, KeyKind, KeyRecord, take_apart
from storefront.core.auto_top_up_moves import LATE_STEPS, RETRY
from storefront.core.auto_top_up_runs import run_top_up
from storefront.core.catalog import Catalogs
from storefront.core.claiming import claim_freed
from storefront.core.clock import HOUR_MS, SECOND_MS, Clock
from storefront.core.commit.apply import LateStep
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.job_rows import HOLD_EXPIRE, ITEM_EXPIRE, LOT_LAPSE
from storefront.core.commit.usage import USAGE_CLOSE, USAGE_DRAIN
from storefront.core.commit.watch_steps import TOP_UP_RUN
from storefront.core.config import Config
from storefront.core.creator_files import CreatorFiles
from storefront.core.customers import Customers
from storefront.core.database import Database
from storefront.core.deciding import expire_review, finish_review
from storefront.core.dispatching import EventDispatcher
from storefront.core.emulator import SandboxClient
from storefront.core.enduring import Endurance
from storefront.core.errors import StorefrontError
from storefront.core.explaining import work_out_set_aside
from storefront.core.exposures import Exposures
from storefront.core.gateway_payments import WORK_OUT
from storefront.core.gateway_refunds import sweep_reversal
from storefront.core.giving_back import give_back_rejected
from storefront.core.hooks import Hooks, JobHandlers
from storefront.core.inbox import process_event
from storefront.core.jobs import Jobs
from storefront.core.keeping_up import KeepingUp
from storefront.core.keys import Keys
from storefront.core.kinds import OfferKind
from storefront.core.lapsing import expire_item, lapse_wallet
from storefront.core.leading import Follower, Leader, Leading, OnlyLeader, PostgresLeader
from storefront.core.leases import Leases
from storefront.core.outgoing.guard import Guard
from storefront.core.outgoing.posting import Poster
from storefront.core.outgoing_webhooks.deliveries import WebhookDeliveries
from storefront.core.outgoing_webhooks.dispatching import WebhookDispatcher
from storefront.core.outgoing_webhooks.endpoints import WebhookEndpoints
from storefront.core.outgoing_webhooks.secrets import WebhookSecrets
from storefront.core.pins import Pins
from storefront.core.postgres_database import LEADER_LOCK, LOCK_CLASS, PostgresDatabase
from storefront.core.promos.restoring import RESTORE, restore_codes
from storefront.core.reading import PointReader
from storefront.core.receipts.numberer import ReceiptNumberer
from storefront.core.receipts.signing import ReceiptSigner
from storefront.core.receiving import GIVE_BACK
from storefront.core.referring.rewarding import CLAW_BACK, REWARD, claw_back_referral, reward_referral
from storefront.core.retention import forget
from storefront.core.reviews import EXPIRE, FINISH
from storefront.core.sealing.sealer import Sealer
from storefront.core.sealing.sending import AnchorSender
from storefront.core.sealing.witnesses import FileWitness, WebhookWitness, Witness
from storefront.core.services import Services
from storefront.core.sessions import SessionTokens, SigningKeys
from storefront.core.shared_keys import SharedKeys
from storefront.core.states import CustomerStates, StatePart
from storefront.core.sweeping import follow_gateway, give_purchase, reconcile_gateway, sweep_purchase
from storefront.core.topping_up import retry_top_up
from storefront.core.usage.billing import close_usage, drain_usage
from storefront.databases import keys_folder, make_database, signing_keys
from storefront.plugins import PluginHost


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
    roller: Roller
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
    host: PluginHost,
    *,
    public_url: str,
    own_url: str,
    clock: Clock | None = None,
    guard: Guard | None = None,
    read: Callable[[], Config] | None = None,
) -> Parts:
    """Build the parts; nothing is opened yet. ``own_url`` is the listener's real address.

    ``guard`` says where outgoing webhooks may go; without it, the configuration does. ``read`` reads the configuration
    anew, so that creators' files are followed.

    Raises:
        PluginFailed: a plugin crashed while it registered, and may not be left out.
    """
    config, clock = host.config, clock or Clock()
    database = make_database(host)
    engine, reader = CommitEngine(database.store, clock), database.reader
    signing = signing_keys(config)
    services, emulator = _services(
        host, database, engine, clock, signing=signing, public_url=public_url, own_url=own_url
    )
    hasher = KeyHasher.load_or_create(keys_folder(config))
    endurance = Endurance()
    jobs, keys = _jobs(host, services, endurance), Keys(reader, engine, clock, hasher)
    announcer, leader = _among_others(database, engine, endurance)
    dispatcher, sealer = EventDispatcher(services, endurance), Sealer(reader, engine, clock)
    roller = Roller(reader, engine, clock, services.figures)
    signer = ReceiptSigner(signing)
    numberer = ReceiptNumberer(services, signer)
    webhooks = _webhooks(services, hasher, guard or Guard(config.webhooks.allow))
    followers: dict[str, Follower] = {
        "events": dispatcher,
        "webhooks": webhooks.dispatcher,
        "receipts": numberer,
        "anchors": _anchor_sender(services),
        "seals": sealer,
        "rollups": roller,
    }
    if read is not None:
        followers["creators"] = CreatorFiles(services, read)
    keeping_up = KeepingUp(services, keys, jobs, endurance) if database.is_shared else None
    first = () if keeping_up is None else (keeping_up,)
    for part in (*first, services.states, services.watchers, jobs, dispatcher, webhooks.dispatcher, numberer):
        engine.follow(part.on_commit)
    return Parts(
        host=host,
        database=database,
        services=services,
        jobs=jobs,
        dispatcher=dispatcher,
        webhooks=webhooks,
        sealer=sealer,
        roller=roller,
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
        keeping_up=keeping_up,
    )


def _services(
    host: PluginHost,
    database: Database,
    engine: CommitEngine,
    clock: Clock,
    *,
    signing: SigningKeys,
    public_url: str,
    own_url: str,
) -> tuple[Services, SandboxClient | None]:
    """Build what use cases work with, with the kinds, gateways and late steps that plugins bring."""
    config, reader = host.config, database.reader
    customers = Customers(reader, engine, clock)
    kinds = offer_kinds(host)
    catalogs = Catalogs(reader, kinds)
    gateways, emulator = configured_gateways(config, own_url)
    if "manual" in config.gateways:
        gateways = with_manual(gateways, config, reader, engine, clock, public_url=public_url)
    services = Services(
        config=config,
        clock=clock,
        reader=reader,
        engine=engine,
        customers=customers,
        catalogs=catalogs,
        states=CustomerStates(
            reader,
            clock,
            customers,
            catalogs,
            leases=Leases(signing, clock, lasting_ms=config.leases.hours * HOUR_MS),
            mode=config.mode,
            is_shared=database.is_shared,
            ask_plugins=partial(_ask_plugins, host.hooks),
        ),
        exposures=Exposures(reader, engine, clock),
        kinds=kinds,
        gateways=gateways,
        hooks=host.hooks,
        pins=Pins(signing, clock),
        public_url=public_url,
        figures=figures_of(host),
        moves=host.moves(),
        personal_data=host.personal_data(),
    )
    host.collect("register_gateways", lambda name, found: add_gateways(gateways, found), services=services)
    for step, decides in LATE_STEPS.items():
        engine.register_late_step(step, decides)
    host.collect("register_late_steps", lambda name, found: _add_late_steps(host, engine, name, found))
    return services, emulator


async def _ask_plugins(hooks: Hooks, reader: PointReader, customer_id: str, now: int) -> Sequence[StatePart]:
    """Return what plugins add to a customer's state; what one of them could not tell now is asked for again soon."""
    parts, is_whole = await hooks.ask_each("customer_state", reader=reader, customer_id=customer_id, now=now)
    return parts if is_whole else [*parts, StatePart(instants=[now + SECOND_MS])]


def _among_others(database: Database, engine: CommitEngine, endurance: Endurance) -> tuple[Announcer | None, Leader]:
    """Return what tells other processes of commits, and what decides which of them leads."""
    if isinstance(database, PostgresDatabase):
        return Announcer(database.url, engine, endurance), PostgresLeader(database.url, (LOCK_CLASS, LEADER_LOCK))
    return None, OnlyLeader()


def _jobs(host: PluginHost, services: Services, endurance: Endurance) -> Jobs:
    jobs = Jobs(services.reader, services.engine, services.clock, endurance)
    jobs.register("purchase.sweep", lambda payload: sweep_purchase(services, payload))
    jobs.register("purchase.give", lambda payload: give_purchase(services, payload))
    jobs.register(GIVE_BACK, lambda payload: give_back_rejected(services, payload))
    jobs.register(EXPIRE, lambda payload: expire_review(services, payload))
    jobs.register(FINISH, lambda payload: finish_review(services, payload))
    for kind in (HOLD_EXPIRE, LOT_LAPSE):
        jobs.register(kind, lambda payload: lapse_wallet(services, payload))
    jobs.register(ITEM_EXPIRE, lambda payload: expire_item(services, payload))
    jobs.register(TOP_UP_RUN, lambda payload: run_top_up(services, payload))
    jobs.register(RETRY, lambda payload: retry_top_up(services, payload))
    jobs.register("retention", lambda payload: forget(services, payload), is_patient=True)
    jobs.register("reversal.claim", lambda payload: claim_freed(services, payload["purchase_id"]))
    jobs.register("reversal.sweep", lambda payload: sweep_reversal(services, payload))
    jobs.register("gateway.follow", lambda payload: follow_gateway(services, payload), is_patient=True)
    jobs.register(WORK_OUT, lambda payload: work_out_set_aside(services, payload))
    jobs.register("gateway.reconcile", lambda payload: reconcile_gateway(services, payload), is_patient=True)
    jobs.register(REWARD, lambda payload: reward_referral(services, payload))
    jobs.register(CLAW_BACK, lambda payload: claw_back_referral(services, payload))
    jobs.register(RESTORE, lambda payload: restore_codes(services, payload))
    jobs.register(USAGE_DRAIN, lambda payload: drain_usage(services, payload))
    jobs.register(USAGE_CLOSE, lambda payload: close_usage(services, payload))
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


def figures_of(host: PluginHost) -> AllFigures:
    """Return what the plugins bring to analytics; a plugin's figures leave again if it is left out."""
    figures = AllFigures()
    for name, found in host.figures().items():
        figures.add(found)
        host.when_left_out.setdefault(name, []).append(partial(figures.remove, found))
    return figures


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
