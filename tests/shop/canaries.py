"""Secrets that nobody may meet again: pushed into a shop, and looked for in all that it says and keeps."""

from collections.abc import Iterable, Mapping

DIGITS = "4000056655665556"
"""A card number: what is 13 to 19 digits long is masked whatever it is called."""

CANARIES: Mapping[str, str] = {
    "server key": "sk_live_01canarysrv0abcdefghjkmnpqrs",
    "publishable key": "pk_live_01canarypub0abcdefghjkmnpqrs",
    "operator key": "ak_live_01canaryopr0abcdefghjkmnpqrs",
    "gateway secret key": "sk_test_" + "51CanaryGatewayAbCdEfGhIjKlMnOp",
    "restricted gateway key": "rk_test_" + "51CanaryRestrictedAbCdEfGhIjKl",
    "webhook secret": "whsec_" + "CanaryWebhookSecretAbCdEfGhIjKlMnOp",
    "other webhook secret": "whsec_" + "CanaryConnectSecretAbCdEfGhIjKlMnOp",
    "endpoint secret": "whsec_" + "Q2FuYXJ5RW5kcG9pbnRTZWNyZXRBYkNkRWY=",
    "overlay token": "ovl_CanaryOverlayAbCdEfGhIjKlMnOp",
    "purchase token": "pt_CanaryPurchaseAbCdEfGhIjKlMnOpQr",
    "session token": "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJjYW5hcnkifQ.Q2FuYXJ5U2lnbmF0dXJlQ2FuYXJ5",
    "foreign JWT": "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOiJqd3QifQ.Zm9yZWlnbkNhbmFyeVNpZ25hdHVyZQ",
    "cookie": "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJjb29raWUifQ.Q29va2llQ2FuYXJ5U2lnbmF0dXJl",
    "Basic credential": "Basic Y2FuYXJ5OmJhc2ljcGFzc3dvcmQ=",
    "Bearer credential": "Bearer canary-opaque-bearer-0123456789",
    "database password": "canarydbpassword0123",
    "card number": DIGITS,
    "spaced card number": "5200 8282 8282 8210",
    "dashed card number": "3782-822463-10005-99",
    "CVC": "cvc-canary-737",
    "IBAN": "DE89370400440532013000",
    "e-mail": "canary.mail@customers.example",
    "other e-mail": "canary+tag@mail.customers.example",
    "client secret": "pi_3Canary0_secret_CanaryClientSecretAbCd",
    "checkout client secret": "cs_test_a1Canary_secret_CanaryCheckoutAbCd",
}
"""25 of them: what each is -> its text. The database's password stands in an address, as it does in real life."""


def found_in(text: str, besides: Iterable[str] = ()) -> list[str]:
    """Return which canaries stand in a text, by what they are."""
    return [name for name, canary in CANARIES.items() if canary in text and name not in besides]
