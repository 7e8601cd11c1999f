"""The shop's configuration: YAML in, a typed ``Config`` or a list of mistakes with their places out.

Two steps: ``read_document(path, environ)`` says which plugins are enabled, ``build(document, plugins=…)`` checks
everything against the core's, the plugins' and the offer kinds' schemas. ``load_config`` does both.
"""

from storefront.core.config.building import build, load_config
from storefront.core.config.loading import Document, graft, read_document
from storefront.core.config.messages import Complaint
from storefront.core.config.mistakes import ConfigError, Mistake
from storefront.core.config.model import (
    AnchorTarget,
    ApiKey,
    Asset,
    Audit,
    Available,
    Config,
    Database,
    Entitlement,
    Gateway,
    KeyKind,
    Limit,
    LimitPer,
    Logging,
    Mode,
    Offer,
    OnError,
    Plugin,
    Purchases,
    RateLimit,
    RateLimitPer,
    Retention,
    Shop,
    Signing,
    Text,
    Web,
    Window,
)
from storefront.core.config.schema import ConfigCheck, PluginSchema, full_schema
from storefront.core.config.secret import Secret
from storefront.core.config.typed import DEFAULT_RATE_LIMITS
from storefront.core.config.validation import did_you_mean

__all__ = [
    "DEFAULT_RATE_LIMITS",
    "AnchorTarget",
    "ApiKey",
    "Asset",
    "Audit",
    "Available",
    "Complaint",
    "Config",
    "ConfigCheck",
    "ConfigError",
    "Database",
    "Document",
    "Entitlement",
    "Gateway",
    "KeyKind",
    "Limit",
    "LimitPer",
    "Logging",
    "Mistake",
    "Mode",
    "Offer",
    "OnError",
    "Plugin",
    "PluginSchema",
    "Purchases",
    "RateLimit",
    "RateLimitPer",
    "Retention",
    "Secret",
    "Shop",
    "Signing",
    "Text",
    "Web",
    "Window",
    "build",
    "did_you_mean",
    "full_schema",
    "graft",
    "load_config",
    "read_document",
]
