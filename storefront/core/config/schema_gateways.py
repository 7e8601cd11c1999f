"""The sections of the gateways that come with the shop; others bring their own schema."""

from storefront.core.config.schema_parts import Schema, amount, mapping, secret, table, text, whole, wording

_LEAST_SECRET_BYTES = 24


def gateway_schemas() -> dict[str, Schema]:
    """Gateway -> schema of its section."""
    return {"sandbox": _sandbox(), "stripe": _stripe(), "manual": _manual()}


def _sandbox() -> Schema:
    return mapping(
        "Plays Stripe on this machine: nothing leaves it, no real money moves. The default in sandbox mode.",
        {
            "url": text(
                "A sandbox that runs on its own (`storefront sandbox`); without it the server brings one.",
                examples=["http://127.0.0.1:8081"],
                **{"x-form": "origin"},
            ),
            "secret_key": secret("The key that it accepts; made by itself if not given.", "${SANDBOX_SECRET_KEY}"),
            "webhook_secret": _webhook_secret("${SANDBOX_WEBHOOK_SECRET}"),
            "connect_webhook_secret": _webhook_secret("${SANDBOX_CONNECT_WEBHOOK_SECRET}"),
        },
        examples=[{}],
    )


def _stripe() -> Schema:
    example = {"secret_key": "${STRIPE_SECRET_KEY}", "webhook_secret": "${STRIPE_WEBHOOK_SECRET}"}
    return mapping(
        "Stripe. Test keys belong to sandbox mode, live keys to live mode.",
        {
            "secret_key": secret("A secret or restricted key (sk_… or rk_…).", "${STRIPE_SECRET_KEY}"),
            "webhook_secret": _webhook_secrets(
                "The signing secret of the webhook endpoint; two while one is being replaced.",
                "${STRIPE_WEBHOOK_SECRET}",
            ),
            "connect_webhook_secret": _webhook_secrets(
                "The signing secret of the endpoint that hears of connected accounts (creators).",
                "${STRIPE_CONNECT_WEBHOOK_SECRET}",
            ),
            "api_base": text(
                "Another address to speak to instead of Stripe's, for tests.",
                examples=["http://127.0.0.1:12111"],
                **{"x-form": "origin"},
            ),
            "account": text(
                "The connected account that sells.",
                pattern="^acct_[A-Za-z0-9]+$",
                patternErrorMessage="must be an account id like acct_1Nv0FGQ9RKHgCVdK",
                examples=["acct_1Nv0FGQ9RKHgCVdK"],
            ),
            "requests_per_second": whole(
                "How often each endpoint is called at most, by each process of the server.",
                most=10_000,
                default=25,
                examples=[25],
            ),
            "minimum_amounts": table(
                "The smallest charges, where Stripe tells you others than we know.",
                amount("The smallest charge in this currency."),
                **{"x-keys": "currency"},
                examples=[{"USD": 50}],
            ),
        },
        required=["secret_key", "webhook_secret"],
        examples=[example],
    )


def _manual() -> Schema:
    return mapping(
        "Payments by hand: buyers see how to pay, and an operator says when the money has come.",
        {
            "instructions": wording(
                "How to pay, for buyers: the page adds the sum and the reference to name.",
                {"en": "Send the sum to IBAN DE89 3704 0044 0532 0130 00.", "de": "Überweisen Sie an …"},
            ),
        },
        required=["instructions"],
        examples=[{"instructions": "Send the sum to IBAN DE89 3704 0044 0532 0130 00."}],
    )


def _webhook_secrets(description: str, example: str) -> Schema:
    several: Schema = {
        "type": "array",
        "items": _webhook_secret(example),
        "minItems": 1,
        "maxItems": 4,
        "uniqueItems": True,
    }
    return {"description": description, "anyOf": [_webhook_secret(example), several], "examples": [example]}


def _webhook_secret(example: str) -> Schema:
    return secret("A signing secret.", example, **{"x-min-bytes": _LEAST_SECRET_BYTES})
