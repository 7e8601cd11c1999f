"""What of the plugin's tables is personal: nothing beyond whose membership it is, but for reasons in words."""

from collections.abc import Sequence

from storefront.core.privacy.register import Held, by
from storefront_subscriptions.tables import (
    carried,
    carries,
    changes,
    credits,
    current,
    finals,
    gifts,
    invoices,
    pauses,
    subscriptions,
    usage,
)

REGISTER: Sequence[Held] = (
    Held(
        subscriptions,
        by("customer_id"),
        begins=True,
        plain="id reason customer_id family sku catalog_version interval currency price seats pay_with method "
        "billing_state anchor period period_start period_end access_until ends_with_period invoice_id "
        "failures next_attempt_at created_at updated_at ended_at version anchor_period change_id pause_id "
        "gifted priced_by",
    ),
    Held(
        current,
        by("customer_id"),
        plain="customer_id family subscription_id",
    ),
    Held(
        invoices,
        by("customer_id"),
        plain="id subscription_id customer_id period sku catalog_version lines currency total state purchase_id "
        "failed_purchase_id attempts due_at period_start period_end created_at closed_at interval price "
        "seats pay_with anchor anchor_period uncut_end carried spans change_id gift_id priced_by usage "
        "had_until",
    ),
    Held(
        changes,
        by("customer_id"),
        plain="id subscription_id customer_id state direction timing money old_sku sku catalog_version interval "
        "currency price seats pay_with period at credit charge total used kept returned lines new_end "
        "before after invoice_id purchase_id created_at closed_at",
    ),
    Held(
        carried,
        by("customer_id"),
        plain="customer_id family currency amount",
    ),
    Held(
        carries,
        by("customer_id"),
        plain="about cause customer_id family currency amount created_at",
    ),
    Held(
        credits,
        by("customer_id"),
        plain="id subscription_id customer_id asset every slot_start slot_end number cause amount target entry_id "
        "purchase_id invoice_id created_at",
    ),
    Held(
        pauses,
        by("customer_id"),
        plain="id subscription_id customer_id state cause period starts_at resume_at keeps_anchor credit returned "
        "invoice_id resumed_at created_at closed_at",
    ),
    Held(
        gifts,
        by("giver_id", "customer_id"),
        plain="id giver_id customer_id family sku catalog_version interval currency price seats pay_with periods "
        "remaining state subscription_id purchase_id created_at closed_at",
    ),
    Held(
        usage,
        by("customer_id"),
        plain="id subscription_id customer_id invoice_id period feature meter sku catalog_version starts_at "
        "ends_at included kind number quantity cost amount currency created_at",
    ),
    Held(
        finals,
        by("customer_id"),
        plain="id reason subscription_id customer_id number state sku catalog_version currency pay_with lines total "
        "purchase_id failed_purchase_id attempts failures next_attempt_at due_at created_at closed_at",
    ),
)
