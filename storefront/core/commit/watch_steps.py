"""What a plan leaves in a wallet that is topped up by itself: if it is too little, a top-up begins with its commit.

The threshold stands on the wallet's own row, which every spend loads: who has not agreed to anything pays nothing for
it. Beginning a top-up takes the threshold away, so of all the plans that find too little one begins it, and the wallet
is watched again only by the commit that ends it.
"""

from storefront.core.accounts import wallet
from storefront.core.commit.changes import wallet_now
from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.job_rows import job_row
from storefront.core.commit.ledger_steps import Books, account_row
from storefront.core.commit.outcome import Stale
from storefront.core.commit.projection import Row
from storefront.core.commit.reads import account_key
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import CaptureHold, Emit, Key, Spend
from storefront.core.commit.usage import DrainUsage
from storefront.core.commit.watches import Watch

TOP_UP_RUN = "auto_top_up.run"


def apply_watch(draft: Draft, books: Books, step: Watch) -> None:
    """Set, change or take away the threshold of a wallet; one that has moved meanwhile makes the plan stale."""
    account = wallet(step.customer_id, step.asset)
    key = account_key(account, step.customer_id)
    row = draft.row(key) or account_row(account, 0)
    if row["top_up_below"] != step.expect:
        raise Stale(f"another threshold of {account.id} is set than was read")
    draft.put(key, {**row, "top_up_below": step.below})
    if step.begins:
        books.watched[(step.customer_id, step.asset)] = None


def note_spent(draft: Draft, books: Books, step: Spend | CaptureHold | DrainUsage) -> None:
    """Remember to look, when the plan is applied, at what it left in a wallet that is watched."""
    row = draft.row(account_key(wallet(step.customer_id, step.asset), step.customer_id))
    if row is not None and row["top_up_below"] is not None:
        books.watched[(step.customer_id, step.asset)] = None


def begin_top_ups(draft: Draft, books: Books) -> None:
    """Begin a top-up of every wallet that was spent from and has less than it should, unless its owner owes of it.

    What is put into the wallet of somebody who owes goes to the debt: they would pay and get nothing.
    """
    for customer_id, asset in books.watched:
        account = wallet(customer_id, asset)
        key = account_key(account, customer_id)
        row = draft.row(key)
        if row is None or row["top_up_below"] is None:
            continue
        shown = wallet_now(draft, account.id, customer_id, books.moment.now)
        if shown["available"] < row["top_up_below"] and not shown["owed"]:
            _begin(draft, books, key, row, available=shown["available"])


def _begin(draft: Draft, books: Books, key: Key, row: Row, *, available: int) -> None:
    assert key.anchor is not None, "a wallet hangs under its customer"
    customer_id, asset, now = key.anchor, row["asset"], books.moment.now
    run_id = books.moment.new_id("atr")
    draft.put(key, {**row, "top_up_below": None})
    run = {
        "id": run_id,
        "customer_id": customer_id,
        "asset": asset,
        "state": "due",
        "below": row["top_up_below"],
        "available": available,
        "purchase_id": None,
        "amount": 0,
        "currency": None,
        "reason": None,
        "created_at": now,
        "updated_at": now,
        "closed_at": None,
    }
    draft.put(Key("auto_top_up_runs", (run_id,), customer_id), run)
    job = job_row(
        TOP_UP_RUN,
        anchor=customer_id,
        unique_key=f"{TOP_UP_RUN}:{run_id}",
        due_at=now,
        now=now,
        payload={"run": run_id},
    )
    draft.put(Key("jobs", (job["id"],), customer_id), job)
    payload = {name: run[name] for name in ("id", "customer_id", "asset", "below", "available")}
    apply_emit(draft, books.moment, Emit(customer_id, "auto_top_up.started", run_id, payload))
    books.results[f"top_up:{asset}"] = run_id
