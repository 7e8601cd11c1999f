"""Items of a customer who becomes another one: two lines of an inventory become one, and each movement is kept."""

from collections.abc import Iterable, Mapping
from typing import Any

from storefront.core.commit.job_rows import ITEM_EXPIRE, job_row
from storefront.core.commit.merging import MergeCustomer, Parties
from storefront.core.commit.outcome import Moment
from storefront.core.commit.state import Draft, Row
from storefront.core.commit.steps import Key

MERGED = "merged"
"""The cause of both movements: out of the source's inventory, into the target's."""


def join_items(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    """Return one line for two: counts add up, and so does time that is left."""
    return {
        **theirs,
        "quantity": row["quantity"] + theirs["quantity"],
        "expires_at": _end_of(row, theirs, parties.now),
        "granted_at": min(row["granted_at"], theirs["granted_at"]),
        "is_unique": max(row["is_unique"], theirs["is_unique"]),
    }


def _end_of(row: Row, theirs: Row, now: int) -> int | None:
    ends: list[int | None] = [one["expires_at"] for one in (row, theirs) if one["quantity"]]
    timed = [end for end in ends if end is not None]
    if not ends or len(timed) < len(ends):
        return None
    return now + sum(max(0, end - now) for end in timed)


def move_items(draft: Draft, moment: Moment, step: MergeCustomer, rows: Iterable[Row]) -> dict[str, int]:
    """Write down what leaves one inventory and comes to the other; return ``sku -> quantity``."""
    moved = {row["sku"]: int(row["quantity"]) for row in rows if row["quantity"]}
    for sku, quantity in moved.items():
        for customer_id, by in ((step.source_id, -quantity), (step.target_id, quantity)):
            draft.append(
                "item_movements",
                {
                    "id": moment.new_id("mov"),
                    "commit_no": moment.commit_no,
                    "customer_id": customer_id,
                    "sku": sku,
                    "quantity": by,
                    "cause": MERGED,
                    "about": step.merge_id,
                    "bought_with": None,
                },
            )
    return moved


def end_joined(draft: Draft, row: Row, moment: Moment) -> None:
    """Order the job that takes away a line whose time has been added up; one without an end needs none."""
    customer_id, sku = row["customer_id"], row["sku"]
    if row["expires_at"] is None:
        return
    job = job_row(
        ITEM_EXPIRE,
        anchor=customer_id,
        unique_key=f"{ITEM_EXPIRE}:{moment.new_id('end')}",
        due_at=row["expires_at"],
        now=moment.now,
        payload={"customer_id": customer_id, "sku": sku},
    )
    draft.put(Key("jobs", (job["id"],), customer_id), job)
