"""Turns checked values into the dataclasses of ``model``; what the schema has proved is only asserted here."""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from storefront.core.config.forms import read_instant, read_origin
from storefront.core.config.loading import Document
from storefront.core.config.mistakes import Mistake
from storefront.core.config.model import (
    AnchorTarget,
    ApiKey,
    Asset,
    Audit,
    Available,
    Config,
    Console,
    Database,
    Entitlement,
    Gateway,
    KeyKind,
    LeaseTerms,
    Limit,
    LimitPer,
    Logging,
    Mode,
    Offer,
    Oidc,
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
    Webhooks,
    Window,
)
from storefront.core.config.model_analytics import Analytics
from storefront.core.config.model_auto_top_up import AutoTopUp
from storefront.core.config.model_experiments import Experiment, Variant
from storefront.core.config.model_tax import Seller, Tax, TaxBy, TaxPrices, TaxRate
from storefront.core.config.price_lists import with_price_lists
from storefront.core.config.reading_giving import gifts_of, transfers_of
from storefront.core.config.schema_audit import DEFAULT_EVERY_SECONDS
from storefront.core.config.schema_offers import common_offer_keys
from storefront.core.config.schema_tax import DEFAULT_CLASS, DEFAULT_TAX_NAME
from storefront.core.config.secret import Secret
from storefront.core.config.typed_prices import general_prices, make_exact, make_price_lists, make_prices, make_sales
from storefront.core.config.typed_promos import make_promo_codes, make_referrals
from storefront.core.config.typed_usage import make_charges, make_metering, make_meters

Section = Mapping[str, object]

_CUSTOMER = RateLimit(RateLimitPer.CUSTOMER, rate=500, period_seconds=1, burst=1000)

DEFAULT_RATE_LIMITS: Mapping[str, tuple[RateLimit, ...]] = {
    "read": (_CUSTOMER, RateLimit(RateLimitPer.ADDRESS, rate=50, period_seconds=1, burst=200)),
    "write": (_CUSTOMER, RateLimit(RateLimitPer.ADDRESS, rate=5, period_seconds=1, burst=50)),
    "checkout": (_CUSTOMER, RateLimit(RateLimitPer.ADDRESS, rate=10, period_seconds=60, burst=20)),
    "sign_in": (_CUSTOMER, RateLimit(RateLimitPer.ADDRESS, rate=30, period_seconds=60, burst=30)),
    "webhook": (RateLimit(RateLimitPer.ADDRESS, rate=200, period_seconds=1, burst=1000),),
    "promo_code": (
        RateLimit(RateLimitPer.CUSTOMER, rate=10, period_seconds=600, burst=10),
        RateLimit(RateLimitPer.ADDRESS, rate=60, period_seconds=600, burst=60),
    ),
}
"""Signed-in games are left alone; strangers are held where it costs something. Server keys meet none of these."""


def make_config(
    document: Document,
    value: Section,
    orphans: tuple[str, ...],
    skipped: Mapping[str, tuple[Mistake, ...]],
    claims: Collection[str],
) -> Config:
    """The typed configuration of a document without mistakes."""
    shop = _shop(_section(value, "shop"))
    mode = Mode(_text(value, "mode", "sandbox"))
    data_dir = document.folder / _text(value, "data", "./data")
    purchases, retention = _section(value, "purchases"), _section(value, "retention")
    logging, creators = _section(value, "logging"), value.get("creators")
    url = _section(value, "database").get("url", Secret(f"sqlite:///{data_dir}/storefront.sqlite"))
    assert isinstance(url, Secret)
    lists = make_price_lists(_section(value, "price_lists"))
    return Config(
        files=document.files,
        shop=shop,
        mode=mode,
        data_dir=data_dir,
        database=Database(url),
        web=_web(_section(value, "web")),
        logging=Logging(level=_text(logging, "level", "info"), format=_text(logging, "format", "console")),
        assets={code: _asset(code, _mapping(one), shop) for code, one in _section(value, "assets").items()},
        entitlements={
            key: Entitlement(key, _need(_wording(one, "title", shop)), _wording(one, "description", shop))
            for key, one in _sections(value, "entitlements")
        },
        offers={sku: with_price_lists(_offer(sku, one, shop), lists) for sku, one in _sections(value, "offers")},
        gateways=_gateways(value, mode),
        plugins={name: _plugin(name, one) for name, one in _sections(value, "plugins")},
        keys=tuple(_key(_mapping(one)) for one in _list(value, "keys")),
        signing=_signing(_section(value, "signing")),
        leases=LeaseTerms(_integer(_section(value, "leases"), "hours", 72)),
        console=_console(_section(value, "console")),
        purchases=_purchases(purchases),
        gifts=gifts_of(_section(value, "gifts")),
        transfers=transfers_of(_section(value, "transfers")),
        retention=Retention(
            idempotency_days=_integer(retention, "idempotency_days", 30),
            webhook_bodies_days=_integer(retention, "webhook_bodies_days", 30),
            webhook_deliveries_days=_integer(retention, "webhook_deliveries_days", 30),
            usage_ids_days=_integer(retention, "usage_ids_days", 60),
            operator_sign_ins_days=_integer(retention, "operator_sign_ins_days", 30),
        ),
        audit=_audit(_section(value, "audit"), document.folder),
        tax=_tax(_section(value, "tax")) if "tax" in value else None,
        experiments={name: _experiment(name, one) for name, one in _sections(value, "experiments")},
        webhooks=Webhooks(tuple(read_origin(one) for one in _texts(_section(value, "webhooks"), "allow"))),
        promo_codes=make_promo_codes(_section(value, "promo_codes"), shop.default_language),
        referrals=make_referrals(_section(value, "referrals")) if "referrals" in value else None,
        auto_top_up=_auto_top_up(value),
        creators=creators if isinstance(creators, dict) else {},
        creator_files=document.creator_files,
        refused_creators=document.left_out,
        claimed={key: value[key] for key in claims if key in value},
        skipped=skipped,
        skipped_offers=orphans,
        price_lists=lists,
        meters=make_meters(value),
        usage=make_charges(value),
        metering=make_metering(value),
        analytics=_analytics(_section(value, "analytics")),
    )


def _console(section: Section) -> Console:
    limits = _section(section, "unproved_refunds")
    oidc = _oidc(_section(section, "oidc")) if "oidc" in section else None
    return Console({currency: _integer(limits, currency, 0) for currency in limits}, oidc)


def _oidc(section: Section) -> Oidc:
    client_secret = section["client_secret"]
    assert isinstance(client_secret, Secret)
    return Oidc(
        name=_text(section, "name", "Single sign-on"),
        issuer=_text(section, "issuer", ""),
        client_id=_text(section, "client_id", ""),
        client_secret=client_secret,
        login_claim=_text(section, "login_claim", "email"),
        proves_two_factors=_switch(section, "proves_two_factors", default=False),
    )


def _analytics(section: Section) -> Analytics:
    rates = {code: str(rate) for code, rate in _section(section, "rates").items()}
    return Analytics(_maybe(section, "currency"), rates)


def _shop(section: Section) -> Shop:
    return Shop(
        name=_text(section, "name", ""),
        publisher=_maybe(section, "publisher"),
        default_language=_text(section, "default_language", "en"),
        accent=_maybe(section, "accent"),
        support_email=_maybe(section, "support_email"),
    )


def _web(section: Section) -> Web:
    public_url = _maybe(section, "public_url")
    given = {name: _rate_limits(limits) for name, limits in _section(section, "rate_limits").items()}
    return Web(
        host=_text(section, "host", "127.0.0.1"),
        port=_integer(section, "port", 8080),
        public_url=None if public_url is None else read_origin(public_url),
        trusted_proxies=_texts(section, "trusted_proxies"),
        return_origins=tuple(read_origin(origin) for origin in _texts(section, "return_origins")),
        body_limit_bytes=_integer(section, "body_limit_bytes", 1_048_576),
        anonymous_catalog=_switch(section, "anonymous_catalog", default=True),
        rate_limits={**DEFAULT_RATE_LIMITS, **given},
    )


def _rate_limits(limits: object) -> tuple[RateLimit, ...]:
    several = limits if isinstance(limits, list) else [limits]
    return tuple(_rate_limit(_mapping(one)) for one in several)


def _rate_limit(section: Section) -> RateLimit:
    rate = _integer(section, "rate", 1)
    return RateLimit(
        per=RateLimitPer(_text(section, "per", "address")),
        rate=rate,
        period_seconds=_integer(section, "period_seconds", 1),
        burst=_integer(section, "burst", rate),
    )


def _asset(code: str, section: Section, shop: Shop) -> Asset:
    return Asset(
        code=code,
        title=_need(_wording(section, "title", shop)),
        exponent=_integer(section, "exponent", 0),
        icon=_maybe(section, "icon"),
    )


def _offer(sku: str, section: Section, shop: Shop) -> Offer:
    common = common_offer_keys()
    window = _section(section, "available")
    return Offer(
        sku=sku,
        kind=_text(section, "kind", ""),
        title=_need(_wording(section, "title", shop)),
        description=_wording(section, "description", shop),
        picture=_maybe(section, "picture"),
        prices=general_prices(section.get("prices", {})),
        grants=_grants(section.get("grants")),
        limits=tuple(_limit(_mapping(limit)) for limit in _list(section, "limits")),
        available=Available(from_=_instant(window, "from"), until=_instant(window, "until")),
        featured=_switch(section, "featured", default=False),
        badge=_wording(section, "badge", shop),
        hidden=_switch(section, "hidden", default=False),
        metadata={key: _text(_section(section, "metadata"), key, "") for key in _section(section, "metadata")},
        part={key: value for key, value in section.items() if key not in common},
        tax_class=_maybe(section, "tax_class"),
        giftable=_switch(section, "giftable", default=True),
        transferable=_switch(section, "transferable", default=False),
        listed=make_prices(section.get("prices", {})),
        sales=make_sales(section.get("sales", []), shop.default_language),
        exact=make_exact(section.get("exact")),
    )


def _experiment(name: str, section: Section) -> Experiment:
    return Experiment(
        name=name,
        sku=_text(section, "offer", ""),
        variants={
            variant: Variant(
                weight=_integer(one, "weight", 0),
                prices={asset: _integer(_section(one, "prices"), asset, 0) for asset in _section(one, "prices")},
            )
            for variant, one in _sections(section, "variants")
        },
        percent=_integer(section, "percent", 100),
        from_=_instant(section, "from"),
        until=_instant(section, "until"),
    )


def _grants(value: object) -> Mapping[str, bool | int | str]:
    if isinstance(value, list):
        return {str(key): True for key in value}
    granted = _mapping(value or {})
    return {key: given for key, given in granted.items() if isinstance(given, bool | int | str)}


def _limit(section: Section) -> Limit:
    return Limit(
        per=LimitPer(_text(section, "per", "customer")),
        count=_integer(section, "count", 1),
        window=Window(_text(section, "window", "lifetime")),
        restore_limit_on_refund=_switch(section, "restore_limit_on_refund", default=False),
    )


def _gateways(value: Section, mode: Mode) -> Mapping[str, Gateway]:
    named = {name: Gateway(name, section) for name, section in _sections(value, "gateways")}
    return named if named or mode is Mode.LIVE else {"sandbox": Gateway("sandbox", {})}


def _plugin(name: str, section: Section) -> Plugin:
    return Plugin(
        name=name,
        on_error=OnError(_text(section, "on_error", "fail")),
        unscreened=section.get("unscreened") == "allow",
        options={key: option for key, option in section.items() if key not in ("on_error", "unscreened")},
    )


def _key(section: Section) -> ApiKey:
    key = section["key"]
    assert isinstance(key, Secret)
    kind = KeyKind(_text(section, "kind", "server"))
    return ApiKey(key=key, kind=kind, name=_text(section, "name", kind.value), scopes=_texts(section, "scopes"))


def _signing(section: Section) -> Signing:
    keys = _list(section, "keys")
    return Signing(tuple(key for key in keys if isinstance(key, Secret)))


def _audit(section: Section, folder: Path) -> Audit:
    targets = tuple(_anchor(_mapping(one), folder) for one in _list(section, "anchors"))
    return Audit(targets, _integer(section, "every_seconds", DEFAULT_EVERY_SECONDS))


def _anchor(section: Section, folder: Path) -> AnchorTarget:
    file, webhook, secret = _maybe(section, "file"), section.get("webhook"), section.get("secret")
    assert webhook is None or isinstance(webhook, Secret)
    assert secret is None or isinstance(secret, Secret)
    return AnchorTarget(None if file is None else folder / file, webhook, secret)


def _tax(section: Section) -> Tax:
    seller = _section(section, "seller")
    return Tax(
        by=TaxBy(_text(section, "by", TaxBy.TABLE)),
        prices=TaxPrices(_text(section, "prices", TaxPrices.INCLUSIVE)),
        default_country=_maybe(section, "default_country"),
        default_class=_text(section, "default_class", DEFAULT_CLASS),
        seller=Seller(
            name=_maybe(seller, "name"),
            tax_id=_maybe(seller, "tax_id"),
            country=_maybe(seller, "country"),
            address=_texts(seller, "address"),
        ),
        rates=tuple(_tax_rate(_mapping(one)) for one in _list(section, "rates")),
    )


def _tax_rate(section: Section) -> TaxRate:
    return TaxRate(
        country=_text(section, "country", ""),
        tax_class=_text(section, "class", ""),
        percent=_text(section, "percent", ""),
        name=_text(section, "name", DEFAULT_TAX_NAME),
    )


def _wording(section: Section, key: str, shop: Shop) -> Text | None:
    value = section.get(key)
    if isinstance(value, str):
        return {shop.default_language: value}
    return None if value is None else {language: str(text) for language, text in _mapping(value).items()}


def _need(text: Text | None) -> Text:
    assert text is not None
    return text


def _instant(section: Section, key: str) -> datetime | None:
    value = _maybe(section, key)
    return None if value is None else read_instant(value)


def _sections(value: Section, key: str) -> list[tuple[str, Section]]:
    return [(name, _mapping(section)) for name, section in _section(value, key).items()]


def _section(value: Section, key: str) -> Section:
    return _mapping(value.get(key, {}))


def _mapping(value: object) -> Section:
    assert isinstance(value, dict)
    return value


def _list(section: Section, key: str) -> list[object]:
    value = section.get(key, [])
    assert isinstance(value, list)
    return value


def _texts(section: Section, key: str) -> tuple[str, ...]:
    return tuple(str(item) for item in _list(section, key))


def _text(section: Section, key: str, default: str) -> str:
    value = section.get(key, default)
    assert isinstance(value, str)
    return value


def _maybe(section: Section, key: str) -> str | None:
    value = section.get(key)
    assert value is None or isinstance(value, str)
    return value


def _integer(section: Section, key: str, default: int) -> int:
    value = section.get(key, default)
    assert isinstance(value, int)
    assert not isinstance(value, bool)
    return value


def _switch(section: Section, key: str, *, default: bool) -> bool:
    value = section.get(key, default)
    assert isinstance(value, bool)
    return value


def _auto_top_up(value: Section) -> AutoTopUp:
    if "auto_top_up" not in value:
        return AutoTopUp()
    section = _section(value, "auto_top_up")
    return AutoTopUp(
        allowed=_switch(section, "allowed", default=True),
        most_per_day=_integer(section, "most_per_day", 5),
        confirm_within_hours=_integer(section, "confirm_within_hours", 23),
        minimum_below={code: _integer(_section(section, "minimum_below"), code, 1)
                       for code in _section(section, "minimum_below")},
    )  # fmt: skip


def _purchases(section: Section) -> Purchases:
    debt = _section(section, "debt")
    return Purchases(
        expires_after_minutes=_integer(section, "expires_after_minutes", 35),
        refund_strategy=_text(section, "refund_strategy", "floor"),
        dispute_strategy=_text(section, "dispute_strategy", "debt"),
        debt_repay_percent=_integer(debt, "repay_percent", 100),
        debt_blocks_spending=_switch(debt, "block_spending", default=False),
        early_fraud_warnings=_text(section, "early_fraud_warnings", "refund"),
        most_pending=_integer(section, "most_pending", 20),
        most_declined_per_hour=_integer(section, "most_declined_per_hour", 10),
        review_hours=_integer(section, "review_hours", 72),
    )
