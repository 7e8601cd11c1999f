"""What is planted in lots, credits and holds; ``test_planted.py`` says how to read it."""

LOT_PLANTS: dict[str, tuple[str, list[str], str]] = {
    "a credit for more than the lot got": (
        "L9",
        ["UPDATE credits SET amount = amount + 2 WHERE entry_id = 'ent_reward_10'"],
        "opened with 10, its credits gave 12",
    ),
    "a credit on other terms": (
        "L9",
        ["UPDATE credits SET expires_at = 1 WHERE entry_id = 'ent_reward_10'"],
        "credit 0 of entry ent_reward_10 states other terms than the lot",
    ),
    "a lot that cost less": (
        "L9",
        ["UPDATE lots SET cost_amount = 498 WHERE cost_amount = 499"],
        "says that 498 was paid for it, its credits say 499",
    ),
    "a credit of no lot": (
        "L9",
        ["DELETE FROM credits WHERE entry_id = 'ent_reward_10'"],
        "transfer 0 of entry ent_reward_10 put 10 into wallet customer:cus_ada:gems, its credits say 0",
    ),
    "a lot that holds more than is pinned": (
        "L2-holds",
        ["UPDATE lots SET held = held + 1 WHERE source = 'gift 10'"],
        "of customer:cus_eve:gems holds 5, open holds pin 4 in it",
    ),
    "a lot that forgot its hold": (
        "L2-holds",
        ["UPDATE lots SET held = 0 WHERE source = 'gift 10'"],
        "of customer:cus_eve:gems, which holds nothing",
    ),
    "a hold for more than it pins": (
        "L2-holds and E5-events",
        ["UPDATE holds SET amount = 26 WHERE id = 'hold_open'"],
        "hold hold_open sets 26 aside, its pins are",
    ),
    "a hold that says it took less": (
        "L2-holds and E5-events",
        ["UPDATE holds SET captured = 8 WHERE id = 'hold_done'"],
        "holds say that entry ent_capture captured 8 of customer:cus_eve:gems, it took 9",
    ),
    "a released hold that took something": (
        "L2-holds and E5-events",
        ["UPDATE holds SET state = 'released' WHERE id = 'hold_done'"],
        "hold hold_done of 12 is released, with 9 captured by ent_capture",
    ),
    "a capture of another hold": (
        "L2-holds",
        ["UPDATE entries SET about = 'hold_gone' WHERE id = 'ent_capture'"],
        "entry ent_capture captured the hold hold_gone, which does not say so",
    ),
    "a lot that is older than its first credit": (
        "L9",
        ["UPDATE lots SET opened_at = opened_at - 1 WHERE source = 'gift 10'"],
        "its first credit is of",
    ),
    "a hold that changed hands": (
        "L2-holds and E5-events",
        ["UPDATE holds SET customer_id = 'cus_bob' WHERE id = 'hold_open'"],
        "hold hold_open of cus_bob sets gems aside in customer:cus_eve:gems, which is not theirs",
    ),
    "a customer who is gone": (
        "E1 and E5-events",
        ["INSERT INTO claims VALUES ('customer:ada', 'cus_ada')", "DELETE FROM customers WHERE id = 'cus_ada'"],
        "cus_ada was made as ada, but there is no such customer",
    ),
    "a customer under another's name": (
        "E1",
        ["INSERT INTO claims VALUES ('customer:ada', 'cus_ada')", "UPDATE customers SET external_id = 'mallory'"],
        "cus_ada was made as ada, but goes by another name now",
    ),
    "a key that opens again": (
        "A2",
        ["UPDATE api_keys SET revoked_at = NULL WHERE id = 'key_1'"],
        "was revoked, and opens doors again",
    ),
}
