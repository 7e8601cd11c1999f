"""The configuration as the rest of the shop sees it: checked, complete with defaults, immutable, typed.

Amounts are integers in minor units, instants are aware UTC, texts are ``language -> text``. Mappings keep the
order of the YAML; nobody writes to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from storefront.core.config.mistakes import Mistake
from storefront.core.config.model_analytics import Analytics
from storefront.core.config.model_auto_top_up import AutoTopUp
from storefront.core.config.model_experiments import Experiment
from storefront.core.config.model_giving import Gifts, Transfers
from storefront.core.config.model_prices import Exact, Price, PriceList, Sale
from storefront.core.config.model_tax import Tax
from storefront.core.config.model_usage import Charge, Meter, Metering
from storefront.core.config.secret import Secret

if TYPE_CHECKING:
    from storefront.core.config.model_promos import PromoCode, Referrals

Text = Mapping[str, str]
"""``language -> text``; the shop's default language is always present."""


class Mode(StrEnum):
    """Whether money is real. A database keeps the mode that it was made with."""

    SANDBOX = "sandbox"
    LIVE = "live"


class OnError(StrEnum):
    """What happens when a plugin cannot be loaded: the start fails, or the plugin is left out."""

    FAIL = "fail"
    SKIP = "skip"


class KeyKind(StrEnum):
    """Who a configured key speaks for."""

    SERVER = "server"
    PUBLISHABLE = "publishable"
    OPERATOR = "operator"


class LimitPer(StrEnum):
    """Whose purchases a limit counts."""

    CUSTOMER = "customer"
    GLOBAL = "global"


class Window(StrEnum):
    """The UTC calendar window in which a limit counts."""

    LIFETIME = "lifetime"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class RateLimitPer(StrEnum):
    """Whose requests share one bucket."""

    CUSTOMER = "customer"
    KEY = "key"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Shop:
    """How the shop presents itself. ``accent`` is ``#rrggbb``."""

    name: str
    publisher: str | None
    default_language: str
    accent: str | None
    support_email: str | None


@dataclass(frozen=True, slots=True)
class Database:
    """Where the books are kept. The URL is a secret because it may carry a password."""

    url: Secret[str]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket: ``rate`` requests per ``period_seconds``, at most ``burst`` at once."""

    per: RateLimitPer
    rate: int
    period_seconds: int
    burst: int


@dataclass(frozen=True, slots=True)
class Web:
    """The HTTP edge.

    ``public_url`` and ``return_origins`` are origins without a trailing slash. ``trusted_proxies`` are addresses or
    networks. ``rate_limits``: route class -> limits, all of which must have room. A ``customer`` limit counts
    callers with a session, a ``key`` limit callers with a key, an ``address`` limit callers with neither
    (and failed sign-ins); server keys meet no ``customer`` and no ``address`` limit.
    """

    host: str
    port: int
    public_url: str | None
    trusted_proxies: tuple[str, ...]
    return_origins: tuple[str, ...]
    body_limit_bytes: int
    anonymous_catalog: bool
    rate_limits: Mapping[str, tuple[RateLimit, ...]]


@dataclass(frozen=True, slots=True)
class Logging:
    """``level``: debug, info, warning or error. ``format``: console or json."""

    level: str
    format: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A virtual currency. ``exponent``: how many of its digits stand behind the decimal point."""

    code: str
    title: Text
    exponent: int
    icon: str | None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A right that offers may grant, named so that pages can show it."""

    key: str
    title: Text
    description: Text | None


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` per customer or in all, within one calendar window."""

    per: LimitPer
    count: int
    window: Window
    restore_limit_on_refund: bool = False


@dataclass(frozen=True, slots=True)
class Available:
    """When an offer is on sale: half-open ``[from, until)`` in UTC; ``None`` leaves that end open."""

    from_: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing on sale.

    ``prices``: asset -> amount in minor units, each an alternative, for everybody whose country has none of its own.
    ``listed``: all prices, where any is for certain countries or chosen by the buyer; else empty. ``grants``:
    entitlement -> ``True``, a quantity or a text. ``giftable``: it may be bought for somebody else; ``transferable``:
    its items may be passed on. ``part``: the keys that belong to the offer's kind, as its schema accepted them.
    """

    sku: str
    kind: str
    title: Text
    description: Text | None
    picture: str | None
    prices: Mapping[str, int]
    grants: Mapping[str, bool | int | str]
    limits: tuple[Limit, ...]
    available: Available
    featured: bool
    badge: Text | None
    hidden: bool
    metadata: Mapping[str, str]
    part: Mapping[str, object]
    tax_class: str | None = None
    giftable: bool = True
    transferable: bool = False
    listed: tuple[Price, ...] = ()
    sales: tuple[Sale, ...] = ()
    exact: Exact | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """A payment gateway's section, as its schema accepted it; secret places hold ``Secret``."""

    name: str
    options: Mapping[str, object]

    def text(self, key: str) -> str | None:
        """A plain text option, or ``None`` where it is not given."""
        value = self.options.get(key)
        return value if isinstance(value, str) else None

    def texts(self, key: str, language: str) -> Text:
        """A text for people, ``language -> text``; one text alone is in ``language``."""
        value = self.options.get(key)
        return dict(value) if isinstance(value, Mapping) else {language: str(value or "")}

    def whole(self, key: str, default: int) -> int:
        """An integer option, or ``default`` where it is not given."""
        value = self.options.get(key)
        return value if isinstance(value, int) else default

    def amounts(self, key: str) -> Mapping[str, int]:
        """An option that is a table, currency -> minor units; empty where it is not given."""
        value = self.options.get(key)
        return dict(value) if isinstance(value, Mapping) else {}

    def secret(self, key: str) -> Secret[str] | None:
        """A secret option, or ``None``; of a list of secrets the first."""
        return next(iter(self.secrets(key)), None)

    def secrets(self, key: str) -> tuple[Secret[str], ...]:
        """All secrets under a key that takes one or a list (two are valid while one is being replaced)."""
        value = self.options.get(key)
        several = value if isinstance(value, list) else [value]
        return tuple(item for item in several if isinstance(item, Secret))


@dataclass(frozen=True, slots=True)
class Plugin:
    """An enabled plugin. ``unscreened``: it may be skipped although it judges purchases. ``options``: its own keys."""

    name: str
    on_error: OnError
    unscreened: bool
    options: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that exists because the configuration says so. ``scopes`` is empty for all that its kind may do."""

    key: Secret[str]
    kind: KeyKind
    name: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signing:
    """The keys that sign sessions and receipts, as PEM, the signing one first; empty for those of the data folder."""

    keys: tuple[Secret[str], ...]


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long a client may go by its customer's state without asking, in hours; 0 for not at all."""

    hours: int


@dataclass(frozen=True, slots=True)
class Oidc:
    """An OpenID provider through which operators sign in. ``login_claim`` names the claim that is their login here.

    ``proves_two_factors``: it asks everybody for a second factor, although its tokens do not say so.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: Secret[str]
    login_claim: str
    proves_two_factors: bool


@dataclass(frozen=True, slots=True)
class Console:
    """The operator console. ``unproved_refunds``: currency -> minor units up to which a refund needs no new proof."""

    unproved_refunds: Mapping[str, int]
    oidc: Oidc | None


@dataclass(frozen=True, slots=True)
class Purchases:
    """How long an unpaid purchase stays open, and what happens to goods when their money goes back.

    The strategies (``floor``, ``debt``) say what becomes of goods that are gone; ``early_fraud_warnings`` is
    ``refund`` or ``alarm``. ``most_pending`` is per customer, ``most_declined_per_hour`` per address. What is not
    decided within ``review_hours`` is rejected.
    """

    expires_after_minutes: int
    refund_strategy: str = "floor"
    dispute_strategy: str = "debt"
    debt_repay_percent: int = 100
    debt_blocks_spending: bool = False
    early_fraud_warnings: str = "refund"
    most_pending: int = 20
    most_declined_per_hour: int = 10
    review_hours: int = 72


@dataclass(frozen=True, slots=True)
class Retention:
    """How long technical records are kept, in days."""

    idempotency_days: int
    webhook_bodies_days: int
    webhook_deliveries_days: int
    usage_ids_days: int = 60
    operator_sign_ins_days: int = 30


@dataclass(frozen=True, slots=True)
class AnchorTarget:
    """Who keeps anchors: a file or a webhook, never both. A webhook's address may be a secret by itself."""

    file: Path | None
    webhook: Secret[str] | None
    secret: Secret[str] | None


@dataclass(frozen=True, slots=True)
class Audit:
    """Where the newest seal is kept outside, and how often it is brought there at most."""

    anchors: tuple[AnchorTarget, ...]
    every_seconds: int


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Origins (``http://receiver.lan:9000``) that outgoing webhooks may reach although the guard would refuse them."""

    allow: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that the operator said, with defaults filled in.

    ``files`` are all files that were read (watch them to reload). ``entitlements`` is empty when the section is not
    given; then offers may grant any key. ``creators`` is raw, for the plugin that claims it; ``creator_files`` are
    those of ``files`` that creators write. ``refused_creators`` have mistakes in theirs: they stay as they were, and
    say nothing here. ``skipped`` names plugins that are left out because their section says ``on_error: skip``, with
    what was wrong; ``skipped_offers`` are the SKUs that are not on sale because of that.
    """

    files: tuple[Path, ...]
    shop: Shop
    mode: Mode
    data_dir: Path
    database: Database
    web: Web
    logging: Logging
    assets: Mapping[str, Asset]
    entitlements: Mapping[str, Entitlement]
    offers: Mapping[str, Offer]
    gateways: Mapping[str, Gateway]
    plugins: Mapping[str, Plugin]
    keys: tuple[ApiKey, ...]
    signing: Signing
    leases: LeaseTerms
    console: Console
    purchases: Purchases
    gifts: Gifts
    transfers: Transfers
    retention: Retention
    audit: Audit
    tax: Tax | None
    experiments: Mapping[str, Experiment]
    webhooks: Webhooks
    promo_codes: Mapping[str, "PromoCode"]
    referrals: "Referrals | None"
    auto_top_up: AutoTopUp
    creators: Mapping[str, object]
    creator_files: tuple[Path, ...]
    refused_creators: tuple[str, ...]
    claimed: Mapping[str, object]
    skipped: Mapping[str, tuple[Mistake, ...]]
    skipped_offers: tuple[str, ...]
    price_lists: tuple[PriceList, ...] = ()
    meters: Mapping[str, Meter] = field(default_factory=dict)
    usage: Mapping[str, Charge] = field(default_factory=dict)
    metering: Metering = field(default_factory=Metering)
    analytics: Analytics = field(default_factory=Analytics)
