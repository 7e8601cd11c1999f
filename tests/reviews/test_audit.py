"""The audit sees what is planted in the books of reviews behind the program's back."""

import sqlite3
from contextlib import closing

import pytest

from storefront.core.audit import verify_file

PLANTS = {
    "a review that nobody is asked about": ("UPDATE reviews SET state = 'closed' WHERE purchase_id = :held",
                                            "is in review, but nobody is asked about it"),
    "a purchase sold before its verdict": ("UPDATE purchases SET status = 'completed' WHERE id = :held",
                                           "is open, but its purchase is completed"),
    "a hold let go too early": ("UPDATE holds SET state = 'released', closed_at = 1 "
                                "WHERE id = (SELECT hold_id FROM reviews WHERE purchase_id = :held)",
                                "its hold of 15 gems is released, of 15 gems"),
    "a hold of another amount": ("UPDATE purchases SET total = 20 WHERE id = :held",
                                 "its hold of 20 gems is open, of 15 gems"),
    "money that is not there any more": ("UPDATE payments SET state = 'voided' WHERE purchase_id = :authorized",
                                         "its payment is voided, not authorized"),
    "an expiry after the authorisation's": ("UPDATE reviews SET expires_at = expires_at + 400000000 "
                                            "WHERE purchase_id = :authorized", "and its authorisation ends at"),
    "authorised money of a rejected purchase": ("UPDATE payments SET state = 'authorized' "
                                                "WHERE purchase_id = :rejected",
                                                "authorised money was neither taken nor given back"),
    "received money of a rejected purchase": ("UPDATE payments SET state = 'received' WHERE purchase_id = :rejected",
                                              "its money was received and does not go back"),
    "a rejected purchase that was sold": ("UPDATE purchases SET status = 'completed' WHERE id = :rejected",
                                          "it was rejected, and its purchase is completed"),
    "an approval that came to nothing": ("UPDATE purchases SET status = 'rejected' WHERE id = :approved",
                                         "it was approved, and its purchase is rejected"),
    "a hold captured by another entry": ("UPDATE purchases SET entry_id = NULL WHERE id = :approved",
                                         "it was approved, and its hold is captured"),
    "a decision by nobody": ("UPDATE audit_actions SET about = 'nobody' WHERE about = :approved",
                             "no audit row says by whom"),
}  # fmt: skip


@pytest.fixture
async def books(shop, reviews):
    """A shop with one review of each sort; return its file and the purchases by name."""
    rejected = await reviews.in_review()
    await reviews.decide(rejected, "reject")
    authorized = await reviews.in_review()
    reviews.say(purchase="ALLOW")
    await shop.bought("gems-500", currency="USD")
    reviews.say(purchase="REVIEW")
    approved, held = await shop.buy("potion"), await shop.buy("potion")
    assert (await reviews.decide(approved, "approve")).status == 200
    await shop.quiet()
    named = {"rejected": rejected, "authorized": authorized, "approved": approved, "held": held}
    path = shop.parts.services.config.data_dir / "storefront.sqlite"
    return path, {name: purchase.json["id"] for name, purchase in named.items()}


async def test_what_is_planted_is_seen(books, tmp_path):
    path, named = books
    for name, (statement, message) in PLANTS.items():
        planted = tmp_path / "planted.sqlite"
        planted.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(planted)) as copy:
            source.backup(copy)
            for (trigger,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                copy.execute(f"DROP TRIGGER {trigger}")
            assert copy.execute(statement, named).rowcount == 1, name
            copy.commit()

        report = await verify_file(planted, deep=True)

        found = [one.message for one in report.violations if one.check == "E7-reviews"]
        assert any(message in one for one in found), (name, found)
