"""The sections of the configuration that are about the shop itself: its name, its database, its HTTP edge, its keys."""

from storefront.core.config.schema_analytics import analytics
from storefront.core.config.schema_audit import audit
from storefront.core.config.schema_auto_top_up import auto_top_up
from storefront.core.config.schema_giving import gifts, transfers
from storefront.core.config.schema_parts import (
    NAME_PATTERN,
    SAYS_NAME,
    Schema,
    amount,
    choice,
    listing,
    mapping,
    names,
    secret,
    switch,
    table,
    text,
    whole,
    wording,
)
from storefront.core.config.schema_prices import price_lists
from storefront.core.config.schema_promos import promo_codes, referrals
from storefront.core.config.schema_tax import tax
from storefront.core.config.schema_usage import usage_sections

ROUTE_CLASSES = ("read", "write", "checkout", "sign_in", "webhook", "promo_code")
_DAYS = 3_650


def core_sections() -> Schema:
    """Top-level key -> schema, for all sections but assets, offers, gateways, plugins and creators."""
    return {
        "include": listing(
            "More files to read, as patterns relative to this file. A file under `creators/` becomes that creator; "
            "others are merged here.",
            text("A file name or pattern.", examples=["creators/*.yaml"]),
            examples=[["creators/*.yaml"]],
        ),
        "shop": _shop(),
        "mode": choice(
            "`sandbox` plays with test money, `live` takes real money. A database keeps the mode it was made with.",
            ["sandbox", "live"],
            default="sandbox",
            examples=["sandbox"],
        ),
        "data": text(
            "The folder for the database and the control socket, relative to the main file.",
            default="./data",
            examples=["${DATA:-./data}"],
        ),
        "database": _database(),
        "web": _web(),
        "logging": _logging(),
        "entitlements": table(
            "The rights that offers may grant. With this section, offers may grant these and no others.",
            _entitlement(),
            keys=names("^[a-z0-9][a-z0-9._-]{0,63}$", "must be lower-case letters, digits, `-`, `_` or `.`"),
            examples=[{"vip-lounge": {"title": "The VIP lounge"}}],
        ),
        "keys": listing(
            "Keys that exist because they stand here. Other keys are made by `storefront keys create`.",
            _key(),
            examples=[[{"key": "${STOREFRONT_SERVER_KEY}", "kind": "server", "name": "game server"}]],
        ),
        "signing": _signing(),
        "leases": _leases(),
        "console": _console(),
        "purchases": _purchases(),
        "gifts": gifts(),
        "transfers": transfers(),
        "retention": _retention(),
        "audit": audit(),
        "analytics": analytics(),
        "tax": tax(),
        "price_lists": price_lists(),
        "webhooks": _webhooks(),
        "promo_codes": promo_codes(),
        "referrals": referrals(),
        "auto_top_up": auto_top_up(),
        **usage_sections(),
    }


def _shop() -> Schema:
    return mapping(
        "Who sells.",
        {
            "name": text("The shop's or the game's name.", maxLength=80, examples=["Lanternfall"]),
            "publisher": text("Who stands behind it; printed on receipts.", maxLength=80, examples=["Lowtide Games"]),
            "default_language": text(
                "The language of texts that are given once.", default="en", examples=["en"], **{"x-form": "language"}
            ),
            "accent": text(
                "The shop's colour, as #rrggbb.",
                pattern="^#[0-9a-fA-F]{6}$",
                patternErrorMessage='must be a colour like "#b4552d" (in quotes: a bare # begins a comment)',
                examples=["#b4552d"],
            ),
            "support_email": text(
                "Where buyers can write to.",
                pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
                patternErrorMessage="must be an e-mail address",
                examples=["help@lowtide.example"],
            ),
        },
        required=["name"],
        examples=[{"name": "Lanternfall", "publisher": "Lowtide Games"}],
    )


def _database() -> Schema:
    return mapping(
        "Where the books are kept.",
        {
            "url": {
                "description": "`sqlite:///<file>` or `postgresql://<user>:<password>@<host>/<database>`; "
                "without it, storefront.sqlite in the data folder.",
                "type": "string",
                "secret": True,
                "x-literal": "free",
                "x-form": "database",
                "examples": [
                    "sqlite:///./data/storefront.sqlite",
                    "postgresql://shop:${DATABASE_PASSWORD}@db.example/shop",
                ],
            }
        },
        examples=[{"url": "sqlite:///./data/storefront.sqlite"}],
    )


def _web() -> Schema:
    limits = {name: _rate_limits(name) for name in ROUTE_CLASSES}
    return mapping(
        "The HTTP server.",
        {
            "host": text("The address to listen on.", default="127.0.0.1", examples=["127.0.0.1"]),
            "port": whole(
                "The port to listen on; 0 takes a free one.", least=0, most=65_535, default=8080, examples=[8080]
            ),
            "public_url": text(
                "The address under which browsers reach the shop. Every link is made from it.",
                examples=["https://shop.lowtide.example"],
                **{"x-form": "origin"},
            ),
            "trusted_proxies": listing(
                "Reverse proxies whose X-Forwarded-For is believed: addresses or networks.",
                text("An address or network.", examples=["10.0.0.0/8"], **{"x-form": "network"}),
                default=[],
                examples=[["10.0.0.0/8"]],
            ),
            "return_origins": listing(
                "Where a buyer may be sent back to after paying, besides the shop itself.",
                text("An origin.", examples=["https://play.lowtide.example"], **{"x-form": "origin"}),
                default=[],
                examples=[["https://play.lowtide.example"]],
            ),
            "body_limit_bytes": whole(
                "Larger request bodies are refused.",
                least=1024,
                most=67_108_864,
                default=1_048_576,
                examples=[1_048_576],
            ),
            "anonymous_catalog": switch("Whether the catalog can be read without any key.", default=True),
            "rate_limits": mapping(
                "How many requests are answered, by class of route. A class given here replaces its defaults.",
                limits,
                examples=[{"checkout": {"per": "address", "rate": 30, "period_seconds": 60, "burst": 60}}],
            ),
        },
        examples=[{"host": "127.0.0.1", "port": 8080}],
    )


def _rate_limits(name: str) -> Schema:
    one = mapping(
        "A token bucket.",
        {
            "per": choice("Whose requests share it.", ["customer", "key", "address"], examples=["address"]),
            "rate": whole("Requests per period.", most=1_000_000, examples=[30]),
            "period_seconds": whole("The period.", most=86_400, default=1, examples=[60]),
            "burst": whole("Requests at once; as many as `rate` if not given.", most=1_000_000, examples=[60]),
        },
        required=["per", "rate"],
        examples=[{"per": "address", "rate": 30, "period_seconds": 60, "burst": 60}],
    )
    return {
        "description": f"Limits of the class `{name}`: one, or a list of which all must have room. Empty for none.",
        "anyOf": [one, listing("Several limits.", one, maxItems=3)],
        "examples": [{"per": "address", "rate": 30, "period_seconds": 60, "burst": 60}],
    }


def _logging() -> Schema:
    return mapping(
        "What the server says on its standard error.",
        {
            "level": choice(
                "The least that is said.", ["debug", "info", "warning", "error"], default="info", examples=["info"]
            ),
            "format": choice(
                "`console` for people, `json` for machines.", ["console", "json"], default="console", examples=["json"]
            ),
        },
        examples=[{"level": "info", "format": "json"}],
    )


def _entitlement() -> Schema:
    return mapping(
        "A right.",
        {
            "title": wording("Its name for people.", "The VIP lounge"),
            "description": wording("What it allows.", "A quiet room above the harbour."),
        },
        required=["title"],
        examples=[{"title": "The VIP lounge"}],
    )


def _key() -> Schema:
    return mapping(
        "A key.",
        {
            "key": secret(
                "The key, from the environment or a file. sk_… server, pk_… publishable, ak_… operator.",
                "${STOREFRONT_SERVER_KEY}",
            ),
            "kind": choice("Who speaks with it.", ["server", "publishable", "operator"], examples=["server"]),
            "name": text("What it is called in lists.", maxLength=80, examples=["game server"]),
            "scopes": listing(
                "What it may do; without this, all that its kind may do.",
                text(
                    "A scope.",
                    pattern="^[a-z_]+(:[a-z_]+)?$",
                    patternErrorMessage="must look like `grants` or `purchases:read`",
                ),
                examples=[["purchases:read"]],
                uniqueItems=True,
            ),
        },
        required=["key", "kind"],
        examples=[{"key": "${STOREFRONT_SERVER_KEY}", "kind": "server", "name": "game server"}],
    )


def _purchases() -> Schema:
    return mapping(
        "How purchases behave.",
        {
            "expires_after_minutes": whole(
                "How long an unpaid purchase stays open. Stripe keeps a checkout open for at least 30 minutes.",
                least=30,
                most=1_440,
                default=35,
                examples=[35],
            ),
            "refund_strategy": choice(
                "What becomes of goods that are gone when a refund was made at the gateway: written off, or owed.",
                ["floor", "debt"],
                examples=["floor"],
            ),
            "dispute_strategy": choice(
                "The same for disputes and early fraud warnings.", ["debt", "floor"], examples=["debt"]
            ),
            "debt": mapping(
                "How a customer pays back what they owe after a reversal.",
                {
                    "repay_percent": whole(
                        "How much of every later credit goes to the debt, in percent.",
                        least=1,
                        most=100,
                        default=100,
                        examples=[100],
                    ),
                    "block_spending": switch(
                        "Whether nothing of that currency can be spent while something is owed.", default=False
                    ),
                },
                examples=[{"repay_percent": 100, "block_spending": False}],
            ),
            "most_pending": whole(
                "How many purchases of one customer may wait for their payment at a time.",
                most=10_000,
                default=20,
                examples=[20],
            ),
            "most_declined_per_hour": whole(
                "How many payments begun from one address (of IPv6: one /64) may be declined within an hour before no "
                "further one is begun from there: against those who try out stolen cards.",
                most=100_000,
                default=10,
                examples=[10],
            ),
            "review_hours": whole(
                "For how long a purchase waits for a person's review before it is rejected by itself; money that is "
                "only authorised waits until one day before its bank lets it go, at the latest.",
                least=1,
                most=720,
                default=72,
                examples=[72],
            ),
            "early_fraud_warnings": choice(
                "What to do when a payer's bank warns of fraud: give the money back before it is disputed, or only "
                "raise an alarm.",
                ["refund", "alarm"],
                examples=["refund"],
            ),
        },
        examples=[{"expires_after_minutes": 35}],
    )


def _retention() -> Schema:
    return mapping(
        "How long technical records are kept. The books are kept for ever.",
        {
            "idempotency_days": whole("Answers to repeated requests.", most=_DAYS, default=30, examples=[30]),
            "webhook_bodies_days": whole("Bodies of gateways' webhooks.", most=_DAYS, default=30, examples=[30]),
            "webhook_deliveries_days": whole(
                "What was delivered by outgoing webhooks; dead deliveries stay.", most=_DAYS, default=30, examples=[30]
            ),
            "usage_ids_days": whole(
                "Ids of usage events: so long one that comes again counts once.", most=_DAYS, default=60, examples=[60]
            ),
            "operator_sign_ins_days": whole(
                "Sessions of the console and sign-in links, from their end on; the audit trail keeps who signed in.",
                most=_DAYS,
                default=30,
                examples=[30],
            ),
        },
        examples=[{"idempotency_days": 30}],
    )


def _signing() -> Schema:
    key = secret(
        "An Ed25519 private key in PEM, as `openssl genpkey -algorithm ed25519` makes it.",
        "${file:secrets/signing-1.pem}",
        **{"x-form": "signing_key"},
    )
    return mapping(
        "What sessions and receipts are signed with. Without this section the server makes a key in the data folder.",
        {
            "keys": listing(
                "The first signs. All prove sessions, and stand in /.well-known/jwks.json.",
                key,
                minItems=1,
                maxItems=16,
                examples=[["${file:secrets/signing-2.pem}", "${file:secrets/signing-1.pem}"]],
            )
        },
        required=["keys"],
        examples=[{"keys": ["${file:secrets/signing-1.pem}"]}],
    )


def _leases() -> Schema:
    return mapping(
        "How long a client that cannot reach the shop may go by what its customer had: the state is signed for that.",
        {
            "hours": whole(
                "From now on. So long a right that ends early may be used offline; 0: nothing works offline.",
                least=0,
                most=720,
                default=72,
                examples=[72],
            )
        },
        examples=[{"hours": 72}],
    )


def _console() -> Schema:
    return mapping(
        "The operator console at /console. Who may sign in is said by `storefront operators`, not here.",
        {
            "unproved_refunds": table(
                "Refunds up to so much need no new proof of who sends them: currency -> minor units. Without a line "
                "every refund of that currency does.",
                amount("Minor units.", least=0, examples=[5000]),
                default={},
                examples=[{"USD": 5000}],
                **{"x-keys": "asset"},
            ),
            "oidc": mapping(
                "An OpenID provider through which operators may sign in, too. They must be added here all the same; "
                "its redirect address is PUBLIC_URL/console/sign-in/provider/back.",
                {
                    "name": text(
                        "What the button calls it.", default="Single sign-on", maxLength=40, examples=["Acme"]
                    ),
                    "issuer": text(
                        "Its issuer, exactly as its tokens say.",
                        pattern="^https?://[!-~]+$",
                        patternErrorMessage="must be an address such as https://id.example.com",
                        examples=["https://id.example.com"],
                    ),
                    "client_id": text("What it calls this shop.", examples=["storefront"]),
                    "client_secret": secret("What proves this shop to it.", "${OIDC_CLIENT_SECRET}"),
                    "login_claim": text("The claim that is an operator's login.", default="email", examples=["email"]),
                    "proves_two_factors": switch(
                        "It asks everybody for a second factor, although its tokens do not say so (`amr`). Without "
                        "either, owners and finance sign in by password and code.",
                        default=False,
                    ),
                },
                required=["issuer", "client_id", "client_secret"],
                examples=[{"issuer": "https://id.example.com", "client_id": "shop", "client_secret": "${OIDC_SECRET}"}],
            ),
        },
        examples=[{"unproved_refunds": {"USD": 5000}}],
    )


def _webhooks() -> Schema:
    return mapping(
        "Where outgoing webhooks may go. Endpoints themselves are made by `storefront webhooks add`.",
        {
            "allow": listing(
                "Origins that may be reached although they are not https, use another port, or lie in your own "
                "network: exactly these, with scheme, name and port. All else goes by https to the public internet.",
                text("An origin.", examples=["http://receiver.lan:9000"], **{"x-form": "origin"}),
                default=[],
                maxItems=50,
                uniqueItems=True,
                examples=[["http://receiver.lan:9000"]],
            )
        },
        examples=[{"allow": ["http://receiver.lan:9000"]}],
    )


def plugin_keys() -> Schema:
    """The keys that every plugin's section has besides its own."""
    return {
        "on_error": choice(
            "If the plugin cannot be loaded: `fail` the start, or `skip` it and sell the rest.",
            ["fail", "skip"],
            default="fail",
            examples=["fail"],
        ),
        "unscreened": choice(
            "`allow`: sell even if this plugin judges purchases and is skipped.", ["allow"], examples=["allow"]
        ),
    }


def plugin_name() -> Schema:
    """What a plugin may be called."""
    return names(NAME_PATTERN, SAYS_NAME)
