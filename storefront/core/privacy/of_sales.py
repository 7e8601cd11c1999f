"""The register of purchases, payments and what became of them."""

from collections.abc import Sequence

from storefront.core import tables as t
from storefront.core.privacy.redacting import redact_details
from storefront.core.privacy.register import ERASED, Held, by, through

PURCHASES = by("customer_id", "recipient_id")
MANUAL_ANCHOR = "manual_payments"
"""As ``gateways/manual.py`` has it."""
OF_PURCHASE = through("purchase_id", t.purchases, by("customer_id"))
MANUAL = through("purchase_id", t.purchases, by("customer_id"))

REGISTER: Sequence[Held] = (
    Held(
        t.purchases,
        PURCHASES,
        personal="details metadata",
        erases=by("customer_id"),
        erased={"details": lambda row, _: redact_details(row), "metadata": "{}"},
        begins=True,
        plain="id customer_id sku kind quantity reason status refunded dispute pay_with payment_state currency total "
        "catalog_version lines reserved entry_id created_at updated_at completed_at expires_at recipient_id "
        "auto_top_up bill",
    ),
    Held(
        t.payments,
        OF_PURCHASE,
        personal="redirect_url return_url card network",
        erased={"card": "{}"},
        begins=True,
        plain="id purchase_id customer_id gateway gateway_ref gateway_payment amount currency state lease_until "
        "asked_at attempts created_at method saves_method received_amount received_currency declined is_screened "
        "asks_challenge verdict authorized_until",
    ),
    Held(
        t.reversals,
        by("customer_id"),
        personal="reason",
        erased={"reason": ERASED},
        plain="id purchase_id number facts customer_id cause "
        "amount currency state taken_back actor entry_id created_at "
        "closed_at gateway gateway_ref updated_at",
    ),
    Held(
        t.receipts,
        by("customer_id"),
        plain="series number kind about purchase_id customer_id commit_no issued_at kid",
        kept="jws",
        why="Receipts: tax law, ten years from the end of the year of issue (EU; yours may differ).",
    ),
    Held(t.receipt_keys, plain="kid jwk first_used_at"),
    Held(
        t.reviews,
        by("customer_id"),
        personal="reasons decided_why",
        erased={"reasons": "[]", "decided_why": ERASED},
        plain="purchase_id customer_id state money hold_id decision decided_by decided_at opened_at expires_at "
        "closed_at created_at updated_at",
    ),
    Held(
        t.payers,
        by("customer_id"),
        personal="reference",
        plain="customer_id gateway created_at",
        goes=True,
        leads=True,
        begins=True,
    ),
    Held(
        t.payment_methods,
        by("customer_id"),
        personal="reference brand last4 expires fingerprint",
        erased={"reference": lambda row, _: f"erased:{row['id']}"},
        leads=True,
        plain="id customer_id gateway kind created_at forgotten_at",
    ),
    Held(
        t.setups,
        by("customer_id"),
        personal="redirect_url network",
        begins=True,
        plain="id customer_id gateway gateway_ref state method_id created_at updated_at",
    ),
    Held(t.gateway_books, plain="gateway cursor since followed_at moved_at told reconciled_at report"),
    Held(
        t.gateway_movements,
        through("payment", t.payments, OF_PURCHASE, to="gateway_payment"),
        plain="gateway id kind type amount fee currency presented_amount presented_currency exchange_rate source "
        "payment about entry_id created_at booked_at",
    ),
    Held(
        t.manual_payments,
        MANUAL,
        personal="success_url cancel_url",
        anchor=lambda row: MANUAL_ANCHOR,
        plain="reference purchase_id title amount currency state refunded opened_at ended_at",
    ),
    Held(
        t.manual_refunds,
        through("payment", t.manual_payments, MANUAL, to="reference"),
        plain="reference reversal_id payment amount state asked_at sent_at",
    ),
    Held(
        t.auto_top_ups,
        by("customer_id"),
        begins=True,
        plain="customer_id asset id agreed_text agreed_by state reason below "
        "sku quantity method gateway currency at_most daily_cap failures "
        "retry_at agreed_at created_at updated_at version",
    ),
    Held(
        t.auto_top_up_runs,
        by("customer_id"),
        plain="id customer_id asset state below available purchase_id amount currency reason created_at updated_at "
        "closed_at",
    ),
    Held(
        t.promo_codes,
        by("customer_id"),
        plain="code campaign batch number customer_id disabled_at created_at",
    ),
    Held(
        t.redemptions,
        by("customer_id"),
        plain="purchase_id code name customer_id amount currency state is_counted is_first created_at updated_at",
    ),
    Held(t.referral_codes, by("customer_id"), plain="customer_id code created_at", begins=True),
    Held(
        t.referrals,
        by("customer_id", "referrer_id"),
        plain="customer_id id referrer_id state purchase_id rewards due_at created_at updated_at",
    ),
    Held(t.experiment_exposures, by("customer_id"), plain="experiment customer_id variant exposed_at"),
    Held(t.experiment_purchases, by("customer_id"), plain="purchase_id experiment variant customer_id"),
    Held(t.experiment_variants, plain="experiment variant sku prices created_at"),
    Held(t.analytics_generations, plain="generation state commit_no counted_until folded created_at"),
    Held(
        t.analytics_members,
        by("customer_id"),
        plain="generation customer_id joined_day standing paid_in",
    ),
    Held(t.analytics_rollups, plain="generation metric asset day kind key part amount count"),
    Held(t.catalog_versions, plain="hash document stored_at"),
)
