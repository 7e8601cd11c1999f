"""What is planted in rights, movements, events, records and counters of reversals; see ``test_planted.py``."""

_PAYLOAD = "UPDATE events SET payload = replace(payload, {}) WHERE type = '{}' AND subject = '{}'"
GRANT_OF_STARS = "(SELECT id FROM grants WHERE asset = 'stars')"

GOODS_PLANTS: dict[str, tuple[str, list[str], str]] = {
    "a number for what is only counted": (
        "E1-instances",
        [
            "INSERT INTO item_instances (id, customer_id, sku, number, about, granted_at) "
            "VALUES ('itm_x', 'cus_ada', 'potion', 1, 'pur_potions', 1)",
            "INSERT INTO counters (key, anchor, value) VALUES ('serial:potion', 'serial:potion', 1)",
        ],
        "cus_ada has 1 numbered units of potion (0 frozen), but 2 are counted (0 frozen, unique: 0)",
    ),
    "a number that was skipped": (
        "E1-instances",
        [
            "INSERT INTO item_instances (id, customer_id, sku, number, about, granted_at) "
            "VALUES ('itm_x', 'cus_ada', 'potion', 2, 'pur_potions', 1)",
            "UPDATE items SET is_unique = 1 WHERE sku = 'potion' AND customer_id = 'cus_ada'",
        ],
        "1 units of potion have numbers up to 2, the counter says None",
    ),
    "a bundle that cost less than what is in it": (
        "E4-bundles",
        [
            'UPDATE purchases SET lines = replace(lines, \']\', \',{"type":"component","sku":"gem","quantity":1,'
            '"total":{"amount":1}}]\') WHERE id = \'pur_sword\''
        ],
        "the contents of purchase pur_sword sum up to a total of 1, the purchase's is ",
    ),
    "a right that is gone": (
        "E1-rights",
        ["DELETE FROM entitlements WHERE key = 'arena'"],
        "purchase pur_sword of sword grants arena, but that right is missing",
    ),
    "a right of a grant that is gone": (
        "E1-rights",
        ["DELETE FROM entitlements WHERE key = 'vault'"],
        "grant grant_charm of charm grants vault, but that right is missing",
    ),
    "a right worth more": (
        "E1-rights",
        ["UPDATE entitlements SET value = '7' WHERE key = 'arena'"],
        "purchase pur_sword of sword grants arena as true, but entl_",
    ),
    "a right that will end": (
        "E1-rights",
        ["UPDATE entitlements SET expires_at = 1 WHERE key = 'arena'"],
        "grants arena without an end, but entl_",
    ),
    "a right that ended by itself": (
        "E1-rights",
        ["UPDATE entitlements SET ended_at = 1 WHERE key = 'arena'"],
        "(arena) has ended, but no reversal of pur_sword says that it ended it",
    ),
    "a right that outlived its reversal": (
        "E1 and E1-rights",
        ["UPDATE entitlements SET ended_at = NULL WHERE key = 'vip'"],
        "reversal rev_cap ended the right vip of pur_cap, but it has no end",
    ),
    "a right of another's purchase": (
        "E1-rights",
        [
            "INSERT INTO entitlements SELECT 'cus_bob', key, source_id, 'entl_x', source_type, sku, value, granted_at, "
            "expires_at, ended_at, NULL, NULL FROM entitlements WHERE key = 'arena'"
        ],
        "right entl_x (arena) of cus_bob comes from the purchase pur_sword, which is cus_ada's purchase",
    ),
    "a right whose purchase is called a gift": (
        "E1-rights",
        ["UPDATE entitlements SET source_type = 'gift' WHERE key = 'arena'"],
        "grants arena, but entl_",
    ),
    "an item given to another": (
        "E1-movements",
        [
            "UPDATE item_movements SET customer_id = 'cus_bob' WHERE sku = 'sword'",
            "UPDATE items SET customer_id = 'cus_bob' WHERE sku = 'sword'",
        ],
        "went to cus_bob, but pur_sword is cus_ada's",
    ),
    "an item bought with other lots": (
        "E1-movements",
        ["UPDATE item_movements SET bought_with = '[[\"lot_x\",120]]' WHERE sku = 'sword'"],
        "says that it was bought with {'lot_x': 120}, the entry ent_sword drew {",
    ),
    "an item bought with nothing": (
        "E1-movements",
        ["UPDATE item_movements SET bought_with = NULL WHERE sku = 'sword'"],
        "says that it was bought with {}, the entry ent_sword drew {",
    ),
    "a gift that was bought": (
        "E1-movements",
        ["UPDATE item_movements SET bought_with = '[[\"lot_x\",1]]' WHERE sku = 'charm'"],
        'says that it was bought with [["lot_x",1]], but nothing was',
    ),
    "an item taken back by nobody": (
        "E1-movements",
        ["UPDATE item_movements SET cause = 'taken_back' WHERE about = 'con_1'"],
        "is about con_1, which is no reversal of cus_ada",
    ),
    "an item given by a consumption": (
        "E1-movements",
        [
            "INSERT INTO item_movements SELECT 'mov_x', commit_no, customer_id, sku, 1, 'granted', 'con_2', NULL "
            "FROM item_movements WHERE about = 'con_1'",
            "UPDATE items SET quantity = quantity + 1 WHERE sku = 'potion'",
        ],
        "is about con_2, which gives nothing",
    ),
    "a use that nobody told": (
        "E1-movements",
        [
            "INSERT INTO item_movements SELECT 'mov_x', commit_no, customer_id, sku, -1, 'consumed', 'con_2', NULL "
            "FROM item_movements WHERE about = 'con_1'",
            "UPDATE items SET quantity = quantity - 1 WHERE sku = 'potion'",
        ],
        "consumption con_2 took 1 potion, but no event of its commit tells of it",
    ),
    "a use of more than was told": (
        "E1-movements",
        [
            "UPDATE item_movements SET quantity = -2 WHERE about = 'con_1'",
            "UPDATE items SET quantity = 1 WHERE sku = 'potion'",
        ],
        "took 2 potion of cus_ada, its event says 1 potion of cus_ada",
    ),
    "an event that tells of another price": (
        "E5-events",
        [_PAYLOAD.format("'\"amount\":120', '\"amount\":12'", "purchase.completed", "pur_sword")],
        "(purchase.completed of pur_sword) says total 12 gems, the books say 120 gems",
    ),
    "an event that tells of other goods": (
        "E5-events",
        [_PAYLOAD.format("'\"sword\"', '\"crown\"'", "purchase.completed", "pur_sword")],
        "says sku crown, the books say sword",
    ),
    "a purchase of more than was told": (
        "E5-events",
        [_PAYLOAD.format("'\"quantity\":3', '\"quantity\":2'", "purchase.completed", "pur_hat")],
        "says quantity 2, the books say 3",
    ),
    "an event of another status": (
        "E5-events",
        [_PAYLOAD.format("'\"pending\"', '\"completed\"'", "purchase.pending", "pur_waiting")],
        "says status completed, the books say pending",
    ),
    "a refund told otherwise": (
        "E5-events",
        [_PAYLOAD.format("'a mistake', 'a gift'", "purchase.refunded", "pur_hat")],
        "says reason a gift, the books say a mistake",
    ),
    "a refund told of another purchase": (
        "E5-events",
        [_PAYLOAD.format("'\"rev_hat\"', '\"rev_cap\"'", "purchase.refunded", "pur_hat")],
        "tells of the refund rev_cap, which is none of that purchase",
    ),
    "a refund that nobody told": (
        "E5-events",
        ["UPDATE events SET type = 'purchase.praised' WHERE type = 'purchase.refunded' AND subject = 'pur_hat'"],
        "purchase pur_hat has 1 refunds, events tell of 0",
    ),
    "a grant told as more": (
        "E5-events",
        [f"UPDATE events SET payload = replace(payload, ':100', ':101') WHERE subject = {GRANT_OF_STARS}"],
        "says amount 101, the books say 100",
    ),
    "a grant that nobody told": (
        "E5-events",
        ["UPDATE events SET type = 'grant.praised' WHERE subject = 'grant_charm'"],
        "grant grant_charm was made, but no event tells of it",
    ),
    "a hold for another reason": (
        "E5-events",
        ["UPDATE holds SET reason = 'rent' WHERE id = 'hold_open'"],
        "says reason auction 2, the books say rent",
    ),
    "a hold that lasts longer": (
        "E5-events",
        ["UPDATE holds SET expires_at = expires_at + 5 WHERE id = 'hold_open'"],
        "(hold.placed of hold_open) says expires_at",
    ),
    "an end of a hold that nobody told": (
        "E5-events",
        ["UPDATE events SET type = 'hat.captured' WHERE type = 'hold.captured'"],
        "hold hold_done is captured, events tell 1 times of its begin, 0 of its end",
    ),
    "a reason that the entry does not know": (
        "A2-facts and E5-events",
        ["UPDATE grants SET reason = 'a bribe' WHERE asset = 'stars'"],
        "says reason a prize, the books say a bribe",
    ),
    "another reason in an entry of an earlier release": (
        "L10-grants",
        [f'UPDATE entries SET facts = \'{{"reason":"a bribe"}}\' WHERE about = {GRANT_OF_STARS}'],
        "was made because of 'a prize', its entry says 'a bribe'",
    ),
    "a record of a larger grant": (
        "A2-facts",
        [f"UPDATE audit_actions SET facts = replace(facts, ':100', ':1000') WHERE about = {GRANT_OF_STARS}"],
        "amount is 1000, the books say 100",
    ),
    "a record of a refund for another reason": (
        "A2-facts",
        ["UPDATE audit_actions SET facts = replace(facts, 'a mistake', 'fraud') WHERE about = 'rev_hat'"],
        'says of rev_hat: reason is "fraud", the books say "a mistake"',
    ),
    "a key that may do more": (
        "A2-facts",
        ["""UPDATE api_keys SET scopes = '["*","keys:write"]' WHERE id = 'key_1'"""],
        'says of key_1: scopes is ["*"], the books say ["*", "keys:write"]',
    ),
    "a key with another secret": (
        "A2-facts",
        ["UPDATE api_keys SET name = 'mallory' WHERE id = 'key_1'"],
        "says of key_1: fingerprint is",
    ),
    "a counter of reversals that forgot some": (
        "L5-counters",
        ["UPDATE counters SET value = value - 1 WHERE key LIKE 'reversed:ent_hat:%'"],
        "counter reversed:ent_hat:restored:customer:cus_cleo:stars says 9, the reversing entries moved 10",
    ),
    "a refund that nothing bounds": (
        "L5-counters",
        ["DELETE FROM counters WHERE key LIKE 'reversed:ent_hat:%'"],
        "refunds moved 10, but no counter reversed:ent_hat:restored:customer:cus_cleo:stars bounds the next",
    ),
}
