"""What describes a payment method in requests, as tables."""

from __future__ import annotations

from storefront.sandbox.forms import Tree
from storefront.sandbox.params import (
    EXPAND,
    PAGE,
    Choice,
    Email,
    Integer,
    Kind,
    Metadata,
    NotEmulated,
    Object,
    Required,
    Table,
    Text,
    not_emulated_names,
    words,
)

METHOD_TYPES = words(
    "acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact billie bizum blik "
    "boleto card cashapp crypto customer_balance eps fpx giropay grabpay ideal kakao_pay klarna konbini kr_card link "
    "mb_way mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow paypal paypay payto pix "
    "promptpay revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish twint upi "
    "us_bank_account wechat_pay zip"
)
PLAYED = ("card", "sepa_debit")
_REDISPLAY = Choice(("always", "limited", "unspecified"))

BILLING: Table = {
    "address": Object(
        {name: Text(clearable=True) for name in words("city country line1 line2 postal_code state")}, clearable=True
    ),
    "email": Email(clearable=True),
    "name": Text(clearable=True),
    "phone": Text(20, clearable=True),
    "tax_id": Text(clearable=True),
}
_SEPA = Object({"iban": Required(Text(34 + 10))})
_OTHERS: dict[str, Kind] = not_emulated_names(*(name for name in METHOD_TYPES if name not in PLAYED))


class _PlayedType:
    """A method's type: Stripe's list, of which two are played."""

    def read(self, raw: Tree | str, name: str) -> str:
        found = Choice(METHOD_TYPES).read(raw, name)
        if found not in PLAYED:
            NotEmulated().read(found, name)
        return found


CREATE: Table = {
    "allow_redisplay": _REDISPLAY,
    "billing_details": Object(BILLING),
    "card": Object({
        "cvc": Text(4), "exp_month": Integer(1, 12), "exp_year": Integer(1970, 9999), "number": Text(19),
        "token": Text(), **not_emulated_names("networks"),
    }),
    "metadata": Metadata(),
    "sepa_debit": _SEPA,
    "type": _PlayedType(),
    **_OTHERS,
    **not_emulated_names("custom", "customer", "interac_present", "payment_method", "radar_options"),
    **EXPAND,
}  # fmt: skip

DATA = Object({
    "allow_redisplay": _REDISPLAY,
    "billing_details": Object(BILLING),
    "metadata": Metadata(),
    "sepa_debit": _SEPA,
    "type": Required(_PlayedType()),
    **_OTHERS,
    **not_emulated_names("radar_options"),
})  # fmt: skip

_CARD_OPTIONS: Table = {
    "capture_method": Choice(("manual",)),
    "request_three_d_secure": Choice(("any", "automatic", "challenge")),
    **not_emulated_names(
        "cvc_token", "installments", "mandate_options", "moto", "network",
        "request_extended_authorization", "request_incremental_authorization", "request_multicapture",
        "request_overcapture", "require_cvc_recollection", "restrictions", "setup_future_usage",
        "statement_descriptor_suffix_kana", "statement_descriptor_suffix_kanji", "three_d_secure",
    ),
}  # fmt: skip
OPTIONS: Table = {
    "card": Object(_CARD_OPTIONS),
    **not_emulated_names(
        *(name for name in [*METHOD_TYPES, "demo_pay", "card_present", "interac_present"] if name != "card")
    ),
}

FILTERS: Table = {
    "allow_redisplay": _REDISPLAY,
    "type": Choice(METHOD_TYPES),
    **PAGE,
}
