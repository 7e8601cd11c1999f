"""What of the core's tables moves when a customer becomes another one, and what keeps the two apart until it is over.

Every table that names a customer stands here, or its rows are facts and append-only: ``tests/merging`` compares.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table

from storefront.core.commit.item_joins import join_items
from storefront.core.commit.merging import Hindrance, Moves, Parties, Row
from storefront.core.promos.codes import anchor_of
from storefront.core.tables import (
    auto_top_up_runs,
    auto_top_ups,
    counters,
    customer_notes,
    entitlements,
    freezes,
    holds,
    idempotency,
    item_instances,
    items,
    jobs,
    payers,
    payment_methods,
    payments,
    promo_codes,
    purchases,
    redemptions,
    referral_codes,
    referrals,
    reversals,
    reviews,
    setups,
    usage_accounts,
    usage_periods,
    usage_uniques,
    usage_windows,
)

_BY_PURCHASE = "purchase_id IN (SELECT id FROM purchases WHERE customer_id = '{customer}')"
_FOREVER = 2**62


def _purchase_under_way(row: Row, parties: Parties) -> Hindrance | None:
    if row["status"] in ("pending", "in_review", "paid"):
        how = {
            "pending": "Let it be paid, cancel it, or wait until it expires.",
            "in_review": "Approve or reject it.",
            "paid": "Refund it, or let its goods be given.",
        }[row["status"]]
        return Hindrance(f"purchase.{row['status']}", row["id"], how)
    return None


def _reversal_under_way(row: Row, parties: Parties) -> Hindrance | None:
    if row["state"] in ("pending", "open"):
        return Hindrance(f"{row['cause']}.{row['state']}", row["id"], "Wait until it is decided.")
    return None


def _review_under_way(row: Row, parties: Parties) -> Hindrance | None:
    if row["state"] != "closed":
        return Hindrance("review", row["purchase_id"], "Approve or reject the purchase.")
    return None


def _hold_open(row: Row, parties: Parties) -> Hindrance | None:
    return Hindrance("hold", row["id"], "Capture or release it.") if row["state"] == "open" else None


def _freeze_open(row: Row, parties: Parties) -> Hindrance | None:
    if row["state"] == "open" or row["waiting"] != "[]":
        return Hindrance("freeze", row["id"], "Wait until its refund or dispute is decided.")
    return None


def _run_open(row: Row, parties: Parties) -> Hindrance | None:
    if row["state"] in ("due", "charging", "action_required"):
        return Hindrance("auto_top_up", row["id"], "Wait until it is charged, or cancel its purchase.")
    return None


def _setup_open(row: Row, parties: Parties) -> Hindrance | None:
    return Hindrance("setup", row["id"], "Let the card be saved, or wait.") if row["state"] == "open" else None


def _usage_pending(row: Row, parties: Parties) -> Hindrance | None:
    return None if row["hold_id"] is None else Hindrance("usage", row["id"], "It is settled within minutes: wait.")


def _period_open(row: Row, parties: Parties) -> Hindrance | None:
    if row["close_at"]:
        return Hindrance("usage", row["meter"], "Its period is not written down yet: wait until it is over.")
    return None


def _referral_between(row: Row, parties: Parties) -> Hindrance | None:
    """A referral of one by the other is paid, or not, between two: then they may become one."""
    is_between = {row["customer_id"], row["referrer_id"]} == {parties.source_id, parties.target_id}
    if is_between and row["state"] in ("waiting", "qualified"):
        return Hindrance("referral", row["id"], "Its reward is not decided: wait until it is given, or canceled.")
    return None


def _referred(row: Row, parties: Parties) -> Mapping[str, Any]:
    """Nobody is their own referrer: what was between the two stays as it was."""
    return row if row["referrer_id"] == parties.target_id else {**row, "customer_id": parties.target_id}


def _referrer(row: Row, parties: Parties) -> Mapping[str, Any]:
    return row if row["customer_id"] == parties.target_id else {**row, "referrer_id": parties.target_id}


def _wallet_of(row: Row, parties: Parties) -> Mapping[str, Any]:
    return {**row, "customer_id": parties.target_id, "account": parties.renamed(row["account"])}


def _renamed(*columns: str) -> Any:
    """Return a change that puts one id in place of the other wherever these columns' texts hold it."""

    def change(row: Row, parties: Parties) -> Mapping[str, Any]:
        return {**row, **{name: parties.renamed(row[name]) for name in columns}}

    return change


def _job(row: Row, parties: Parties) -> Mapping[str, Any]:
    """One that is being done is done again for the target: whoever does it cannot strike it off any more."""
    renamed = {name: parties.renamed(row[name]) for name in ("anchor", "payload")}
    return {**row, **renamed, "lease_until": 0}


def _add_up(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    return {**theirs, "value": row["value"] + theirs["value"]}


def _keep_theirs(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    """What both have agreed to, the target goes on with; the source's agreement ends."""
    return theirs


def _both_stay(row: Row, theirs: Row, parties: Parties) -> None:
    return None


def _longest(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    """Of one right from one source the one that lasts longer is kept."""
    is_longer = (row["ended_at"] is None, row["expires_at"] or _FOREVER) > (
        theirs["ended_at"] is None,
        theirs["expires_at"] or _FOREVER,
    )
    return {**row, "customer_id": parties.target_id} if is_longer else theirs


CORE_MOVES: tuple[Moves, ...] = (
    Moves(purchases, hinders=_purchase_under_way),
    Moves(purchases, column="recipient_id", hinders=_purchase_under_way, anchor=lambda row: str(row["customer_id"])),
    Moves(payments, where=_BY_PURCHASE),
    Moves(reversals, where=_BY_PURCHASE, hinders=_reversal_under_way),
    Moves(reviews, where=_BY_PURCHASE, hinders=_review_under_way),
    Moves(redemptions, where=_BY_PURCHASE),
    Moves(holds, change=_wallet_of, hinders=_hold_open),
    Moves(freezes, hinders=_freeze_open),
    Moves(items, join=join_items),
    Moves(item_instances),
    Moves(entitlements, join=_longest),
    Moves(auto_top_up_runs, hinders=_run_open),
    Moves(auto_top_ups, join=_keep_theirs),
    Moves(payment_methods),
    Moves(payers, join=_both_stay, may_stay=True),
    Moves(setups, hinders=_setup_open),
    Moves(promo_codes, anchor=lambda row: anchor_of(row["code"])),
    Moves(customer_notes),
    Moves(counters, column="anchor", change=_renamed("key", "anchor"), join=_add_up),
    Moves(
        jobs,
        column="anchor",
        where="anchor = '{customer}' OR payload LIKE '%{customer}%'",
        change=_job,
    ),
    Moves(
        idempotency,
        where="caller = 'customer:{customer}'",
        column="caller",
        change=_renamed("caller"),
        join=_both_stay,
        may_stay=True,
    ),
    Moves(referrals, change=_referred, join=_both_stay, hinders=_referral_between, may_stay=True),
    Moves(referrals, column="referrer_id", change=_referrer, anchor=lambda row: str(row["customer_id"]), may_stay=True),
    Moves(referral_codes, is_kept=True),
    Moves(usage_accounts, hinders=_usage_pending, is_kept=True),
    Moves(usage_periods, hinders=_period_open, is_kept=True),
)
KEPT: tuple[Table, ...] = (usage_windows, usage_uniques)
"""What was used in periods that are over stays the source's, as history."""
