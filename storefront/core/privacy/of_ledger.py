"""The register of the ledger and of what is owned: amounts under our random id, no personal data by design."""

from collections.abc import Sequence

from storefront.core import tables as t
from storefront.core.privacy.register import Held, by, either, equals, mentions, through

_ENTRIES = either(by("anchor"), through("id", t.shared_entries, by("customer_id"), to="entry_id"))
_OF_ENTRY = through("entry_id", t.entries, _ENTRIES)
_ACCOUNTS = equals("owner", lambda person: f"customer:{person.id}")
_BOOKS = "The books: commercial and tax law, ten years from the end of the year (EU; yours may differ)."

REGISTER: Sequence[Held] = (
    Held(t.anchors, by("id", "merged_into"), plain="id version sequence merged_into"),
    Held(t.accounts, _ACCOUNTS, plain="id owner role asset guarded balance top_up_below"),
    Held(
        t.entries,
        _ENTRIES,
        plain="id commit_no kind about anchor actor reverses occurred_at recorded_at",
        kept="facts",
        why=_BOOKS,
    ),
    Held(t.transfers, _OF_ENTRY, plain="entry_id position source destination asset amount"),
    Held(t.draws, _OF_ENTRY, plain="entry_id position transfer lot_id amount"),
    Held(
        t.credits,
        _OF_ENTRY,
        plain="entry_id position transfer lot_id amount source payment cost_amount cost_currency priority expires_at",
    ),
    Held(
        t.lots,
        through("account", t.accounts, _ACCOUNTS),
        plain="id account source payment cost_amount cost_currency priority opened_at expires_at amount remaining held "
        "frozen",
    ),
    Held(
        t.holds,
        by("customer_id"),
        personal="reason",
        plain="id customer_id account asset amount captured state pins actor entry_id created_at expires_at closed_at",
    ),
    Held(t.checkpoints, plain="account balance seal"),
    Held(
        t.seals,
        plain="number first_commit_no last_commit_no last_entry_id entries entries_so_far root previous hash sealed_at",
    ),
    Held(t.seal_leaves, plain="number leaves"),
    Held(t.shared_entries, by("customer_id"), plain="customer_id entry_id"),
    Held(
        t.customer_transfers,
        by("customer_id", "recipient_id"),
        plain="id customer_id recipient_id asset amount fee sku quantity instances actor entry_id created_at",
    ),
    Held(
        t.grants,
        by("customer_id"),
        personal="reason",
        plain="id customer_id asset amount sku quantity actor entry_id expires_at created_at",
    ),
    Held(
        t.item_movements,
        by("customer_id"),
        plain="id commit_no customer_id sku quantity cause about bought_with",
    ),
    Held(
        t.items,
        by("customer_id"),
        plain="customer_id sku id quantity frozen granted_at expires_at is_unique",
    ),
    Held(
        t.item_instances,
        by("customer_id"),
        plain="id customer_id sku number about granted_at frozen_by taken_at taken_for",
    ),
    Held(
        t.entitlements,
        by("customer_id"),
        plain="customer_id key source_id id source_type sku value granted_at expires_at ended_at frozen_by given_by",
    ),
    Held(
        t.debts,
        by("customer_id"),
        plain="customer_id asset amount repay_percent block_spending opened_at updated_at",
    ),
    Held(
        t.freezes,
        by("customer_id"),
        plain="id customer_id state demand parts items rights waiting actor entry_id created_at closed_at",
    ),
    Held(t.counters, either(by("anchor"), mentions("key")), plain="key anchor value"),
    Held(
        t.usage_accounts,
        by("customer_id"),
        plain="customer_id charge id feature asset metered billed unbilled hold_id drain_at is_owed is_exhausted "
        "is_low",
    ),
    Held(t.usage_ids, plain="received_at", withheld="hash"),
    Held(
        t.usage_lines,
        by("customer_id"),
        plain="id customer_id feature meter charge kind start ends_at number quantity cost amount currency created_at",
    ),
    Held(
        t.usage_periods,
        by("customer_id"),
        plain="customer_id meter charge start ends_at quantity cost events latest_at lined lines close_at",
    ),
    Held(t.usage_uniques, by("customer_id"), personal="value", plain="customer_id meter start seen_at"),
    Held(t.usage_windows, by("customer_id"), plain="customer_id meter start quantity events latest_at"),
)
