"""The parameters of connected accounts: what the emulator plays, and what Stripe would take besides."""

from __future__ import annotations

from dataclasses import dataclass

from storefront.sandbox.account_objects import PROFILE
from storefront.sandbox.errors import not_emulated
from storefront.sandbox.external_accounts import BankAccount
from storefront.sandbox.forms import Tree
from storefront.sandbox.params import (
    EXPAND,
    Choice,
    Email,
    Flag,
    Integer,
    Metadata,
    NotEmulated,
    Object,
    Table,
    Text,
    not_emulated_names,
    words,
)


@dataclass(frozen=True, slots=True)
class Played:
    """One of the words that Stripe knows, of which the emulator plays some."""

    played: tuple[str, ...]
    others: tuple[str, ...]

    def read(self, raw: Tree | str, name: str) -> str:
        """The word; one that is not played is refused as such."""
        word = Choice((*self.played, *self.others)).read(raw, name)
        if word in self.others:
            raise not_emulated(name)
        return word


_CAPABILITIES = words("card_payments transfers")
_OTHER_CAPABILITIES = words(
    "acss_debit_payments affirm_payments afterpay_clearpay_payments alma_payments amazon_pay_payments "
    "app_distribution au_becs_debit_payments bacs_debit_payments bancontact_payments bank_transfer_payments "
    "billie_payments bizum_payments blik_payments blik_recurring_payments boleto_payments card_issuing "
    "cartes_bancaires_payments cashapp_payments crypto_payments eps_payments fpx_payments gb_bank_transfer_payments "
    "giropay_payments grabpay_payments ideal_payments india_international_payments jcb_payments "
    "jp_bank_transfer_payments kakao_pay_payments klarna_payments konbini_payments kr_card_payments legacy_payments "
    "link_payments mb_way_payments mobilepay_payments multibanco_payments mx_bank_transfer_payments "
    "naver_pay_payments nz_bank_account_becs_debit_payments oxxo_payments p24_payments pay_by_bank_payments "
    "payco_payments paynow_payments paypay_payments payto_payments pix_payments promptpay_payments "
    "revolut_pay_payments samsung_pay_payments satispay_payments scalapay_payments sepa_bank_transfer_payments "
    "sepa_debit_payments sequra_payments sofort_payments sunbit_payments swish_payments tax_reporting_us_1099_k "
    "tax_reporting_us_1099_misc treasury twint_payments upi_payments us_bank_account_ach_payments "
    "us_bank_transfer_payments wero_payments zip_payments"
)
_SCHEDULE: Table = {
    "delay_days": Integer(0, 31),
    "interval": Played(("daily", "manual"), ("monthly", "weekly")),
    **not_emulated_names("monthly_anchor", "monthly_payout_days", "weekly_anchor", "weekly_payout_days"),
}
_SETTINGS: Table = {
    "payouts": Object({
        "debit_negative_balances": Flag(),
        "schedule": Object(_SCHEDULE),
        "statement_descriptor": Text(22),
    }),
    **not_emulated_names(
        "bacs_debit_payments", "branding", "card_issuing", "card_payments", "invoices", "payments",
        "paypay_payments", "sepa_debit_payments", "treasury",
    ),
}  # fmt: skip
_WRITABLE: Table = {
    "business_profile": Object({
        **dict.fromkeys(PROFILE, Text(clearable=True)),
        **not_emulated_names(
            "annual_revenue", "estimated_worker_count", "minority_owned_business_designation",
            "monthly_estimated_revenue", "specified_commercial_transactions_act_url", "support_address",
        ),
    }),
    "business_type": Choice(("company", "government_entity", "individual", "non_profit")),
    "capabilities": Object({
        **dict.fromkeys(_CAPABILITIES, Object({"requested": Flag()})),
        **not_emulated_names(*_OTHER_CAPABILITIES),
    }),
    "default_currency": Text(3),
    "email": Email(),
    "metadata": Metadata(),
    "settings": Object(_SETTINGS),
    **not_emulated_names("account_token", "company", "documents", "groups", "individual", "tos_acceptance"),
    **EXPAND,
}  # fmt: skip
CREATE: Table = {
    **_WRITABLE,
    "controller": Object({
        "fees": Object({"payer": Choice(("account", "application"))}),
        "losses": Object({"payments": Choice(("application", "stripe"))}),
        "requirement_collection": Choice(("application", "stripe")),
        "stripe_dashboard": Object({"type": Choice(("express", "full", "none"))}),
    }),
    "country": Text(2),
    "external_account": BankAccount(),
    "type": Played(("express",), ("custom", "standard")),
}  # fmt: skip
UPDATE: Table = {**_WRITABLE, "external_account": NotEmulated()}
