"""What is planted into the second half of the book (``given_back.py``): grants, refunds, conversions."""

# What the plant is called -> (check, statements, what the audit says).
GIVEN_BACK: dict[str, tuple[str, list[str], str]] = {
    "a conversion at another rate": (
        "L8",
        ["""UPDATE entries SET facts = replace(facts, '"numerator":7', '"numerator":8') WHERE kind = 'conversion'"""],
        "moved 0 coins in and 17 out, 25 stars in and 0 out, but its rate makes 20 coins of 25 stars",
    ),
    "a conversion that keeps no rate": (
        "L8",
        ["UPDATE entries SET facts = NULL WHERE kind = 'conversion'"],
        "passes an exchange account, but keeps no rate that can be read",
    ),
    "a remainder that vanished": (
        "L8",
        ["""UPDATE entries SET facts = replace(facts, '"numerator":5', '"numerator":0') WHERE kind = 'conversion'"""],
        "names a remainder of 0, but rounding left 5",
    ),
    "a grant of another amount": (
        "L10-grants and A2-facts and E5-events",
        ["UPDATE grants SET amount = 101 WHERE asset = 'stars'"],
        "says 101 stars, its entry gave 100 in 1 transfers",
    ),
    "a grant without its entry": (
        "L10-grants",
        ["UPDATE grants SET entry_id = NULL WHERE asset = 'stars'"],
        "gave 100 stars, but names no entry",
    ),
    "an entry that grants for nothing": (
        "L10-grants",
        ["UPDATE entries SET kind = 'grant' WHERE id = 'ent_reward_10'"],
        "entry ent_reward_10 grants something for quest, which is no grant of that entry",
    ),
    "a gift without a reason": (
        "E1-grants and A2-facts and E5-events",
        ["UPDATE grants SET reason = '' WHERE sku = 'charm'"],
        "grant grant_charm does not say why, or by whom",
    ),
    "a right from no grant": (
        "E1-grants and E1-rights",
        ["UPDATE entitlements SET source_id = 'grant_gone' WHERE source_type = 'grant'"],
        "was given to cus_cleo by the grant grant_gone, which does not exist",
    ),
    "an item from another's grant": (
        "E1-grants and E1-movements",
        [
            "UPDATE item_movements SET customer_id = 'cus_bob' WHERE sku = 'charm'",
            "UPDATE items SET customer_id = 'cus_bob' WHERE sku = 'charm'",
        ],
        "was given to cus_bob by the grant grant_charm, which does not exist",
    ),
    "a grant that nobody made": (
        "A2-credits",
        ["DELETE FROM audit_actions WHERE about = 'grant_charm'"],
        "grant_charm was made by key_1, but has 0 audit rows",
    ),
    "something taken by hand that nobody wrote down": (
        "A2-credits",
        ["UPDATE entries SET kind = 'adjustment', about = 'adj_1' WHERE id = 'ent_reversal'"],
        "adj_1 was made by test, but has 0 audit rows",
    ),
    "a record of something taken that never was": (
        "A2-credits",
        [
            "INSERT INTO audit_actions SELECT 'act_x', actor, 'wallet.adjusted', 'adj_1', facts, occurred_at, "
            "recorded_at FROM audit_actions WHERE about = 'rev_hat'"
        ],
        "audit row act_x says wallet.adjusted of adj_1, which does not exist",
    ),
    "a refund by somebody else": (
        "A2-credits",
        ["UPDATE audit_actions SET actor = 'mallory' WHERE about = 'rev_hat'"],
        "rev_hat was made by key_1, but has 1 audit rows, 0 of them theirs",
    ),
    "a record of a refund that never was": (
        "A2-credits",
        [
            "INSERT INTO audit_actions SELECT 'act_x', actor, action, 'rev_gone', facts, occurred_at, recorded_at "
            "FROM audit_actions WHERE about = 'rev_hat'"
        ],
        "audit row act_x says purchase.refunded of rev_gone, which does not exist",
    ),
    "a refund without its entry": (
        "L10-reversals",
        ["UPDATE reversals SET entry_id = NULL WHERE id = 'rev_hat'"],
        "refund rev_hat is for 10 stars, but names no entry",
    ),
    "a refund of another amount": (
        "L10-reversals and E5-events",
        ["UPDATE reversals SET amount = 11 WHERE id = 'rev_hat'"],
        "refund rev_hat is for 11 stars, but its entry ent_back_hat gave 10 back",
    ),
    "a refund under another's entry": (
        "L10-reversals",
        ["UPDATE reversals SET entry_id = 'ent_back_cap' WHERE id = 'rev_hat'"],
        "refund rev_hat is for 10 stars, but its entry ent_back_cap is about rev_cap",
    ),
    "a refund that took more than it says": (
        "E1-reversals",
        ["""UPDATE reversals SET taken_back = replace(taken_back, '"taken": 1', '"taken": 0') WHERE id = 'rev_hat'"""],
        "refund rev_hat took 1 hat more than it says",
    ),
    "goods that nobody took back": (
        "E1-reversals",
        [
            """UPDATE reversals SET taken_back = replace(taken_back, '"demanded": 1', '"demanded": 2')"""
            " WHERE id = 'rev_hat'"
        ],
        "refund rev_hat asked 2 hat back, but 1 taken + 0 written off do not cover that",
    ),
    "a purchase refunded by nothing": (
        "E1-reversals",
        ["UPDATE purchases SET refunded = 'full' WHERE id = 'pur_potions'"],
        "purchase pur_potions says refunded full, its refunds say none: 0 of 27",
    ),
    "a part that says it is all": (
        "E1-reversals",
        ["UPDATE purchases SET refunded = 'full' WHERE id = 'pur_hat'"],
        "purchase pur_hat says refunded full, its refunds say part: 10 of 30, 1 of 3 units",
    ),
    "a refund that is missing": (
        "E1-reversals and E5-events",
        ["UPDATE reversals SET number = 2 WHERE id = 'rev_hat'"],
        "the reversals of purchase pur_hat are not numbered 1 to 1",
    ),
}
