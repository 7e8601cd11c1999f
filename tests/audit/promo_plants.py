"""Faults of promo codes and referrals to plant into the book: ``name -> (check, statements, what the audit says)``."""

_LINE = (
    '[{"type": "offer", "total": {"amount": 30, "currency": "gems"}}, {"type": "adjustment", "promo_code": "SPRING", '
)
_LINE += '"total": {"amount": -3, "currency": "gems"}}]'
_DISCOUNTED = f"UPDATE purchases SET lines = '{_LINE}' WHERE id = 'pur_potions'"


def _redemption(purchase: str, code: str = "SPRING", *, customer: str = "cus_ada", state: str = "redeemed") -> str:
    values = f"('{purchase}', '{code}', '{code}', '{customer}', 3, 'gems', '{state}', 1, 0, 0, 0)"
    return f"INSERT INTO redemptions VALUES {values}"


def _counters(uses: int, of_ada: int) -> list[str]:
    return [
        f"INSERT INTO counters VALUES ('promo_uses:SPRING', 'promo:SPRING', {uses})",
        f"INSERT INTO counters VALUES ('promo_by:SPRING:cus_ada', 'cus_ada', {of_ada})",
    ]


def _terms(uses: str, per_customer: str) -> str:
    terms = f'{{"promo_codes": {{"SPRING": {{"uses": {uses}, "per_customer": {per_customer}}}}}}}'
    return f"INSERT INTO catalog_versions VALUES ('cat_promo', '{terms}', 0)"


def _referral(customer: str, referrer: str, state: str = "waiting", rewards: str = "[]") -> list[str]:
    values = f"('{customer}', 'ref_{customer}', '{referrer}', '{state}', NULL, '{rewards}', NULL, 0, 0)"
    return [
        f"INSERT INTO referrals VALUES {values}",
        f"INSERT INTO counters VALUES ('referred:{customer}', '{customer}', 1)",
    ]


PROMOTIONS: dict[str, tuple[str, list[str], str]] = {
    "a code that is counted and was never used": (
        "E3-promos",
        ["INSERT INTO counters VALUES ('promo_uses:SPRING', 'promo:SPRING', 1)"],
        "counter promo_uses:SPRING says 1, redemptions say 0",
    ),
    "a use that is not counted": (
        "E3-promos",
        [_DISCOUNTED, _redemption("pur_potions"), *_counters(0, 1)],
        "counter promo_uses:SPRING says 0, redemptions say 1",
    ),
    "a use that its customer's counter forgot": (
        "E3-promos",
        [_DISCOUNTED, _redemption("pur_potions"), *_counters(1, 0)],
        "counter promo_by:SPRING:cus_ada says 0, redemptions say 1",
    ),
    "a single-use code used twice": (
        "E3-promos",
        [_DISCOUNTED, _redemption("pur_potions"), _redemption("pur_sword"), *_counters(2, 2), _terms("1", "null")],
        "code SPRING was used 2 times, 1 are allowed",
    ),
    "a code used too often by one customer": (
        "E3-promos",
        [_DISCOUNTED, _redemption("pur_potions"), _redemption("pur_sword"), *_counters(2, 2), _terms("null", "1")],
        "cus_ada used the code SPRING 2 times, 1 are allowed",
    ),
    "a discount without a redemption": (
        "E3-promos",
        [_DISCOUNTED],
        "purchase pur_potions was made 3 cheaper by SPRING, but has no redemption of it",
    ),
    "a redemption without a discount": (
        "E3-promos",
        [_redemption("pur_sword"), *_counters(1, 1)],
        "purchase pur_sword has a redemption of SPRING over 3 gems, not its lines",
    ),
    "a redemption of an open purchase": (
        "E3-promos",
        [_redemption("pur_waiting"), *_counters(1, 1)],
        "redemption of SPRING by pur_waiting is cus_ada's in gems, the purchase cus_ada's in USD",
    ),
    "a use given back of a purchase that was completed": (
        "E3-promos",
        [_DISCOUNTED, _redemption("pur_potions", state="given_back")],
        "redemption of SPRING by pur_potions is given_back, the purchase completed",
    ),
    "a redemption that no event tells of": (
        "E3-promos",
        [_DISCOUNTED, _redemption("pur_potions"), *_counters(1, 1)],
        "redemption of SPRING by pur_potions is redeemed, but no event tells of it",
    ),
    "a batch with fewer codes than were counted": (
        "E3-promos",
        ["INSERT INTO counters VALUES ('promo_batch:NEWS:mail', 'promo:NEWS', 2)",
         "INSERT INTO promo_codes VALUES ('ABCD2345', 'NEWS', 'mail', 1, NULL, NULL, 0)"],
        "counter promo_batch:NEWS:mail says 2, there are 1 codes",
    ),
    "a referral that is not counted": (
        "E3-referrals",
        _referral("cus_bob", "cus_ada")[:1],
        "counter referred:cus_bob says 0, referrals say 1",
    ),
    "a circle of referrals": (
        "E3-referrals",
        [*_referral("cus_bob", "cus_ada"), *_referral("cus_ada", "cus_bob")],
        "the chain leads back to",
    ),
    "a referral that brought a reward for nothing": (
        "E3-referrals",
        _referral("cus_bob", "cus_ada", "rewarded"),
        "referral ref_cus_bob is rewarded, but None is no completed purchase of cus_bob",
    ),
    "a reward before its time": (
        "E3-referrals",
        _referral("cus_bob", "cus_ada", rewards='[{"to": "referrer", "customer_id": "cus_ada", "code": "X"}]'),
        "referral ref_cus_bob is waiting, but brought rewards already",
    ),
    "a referral that no event tells of": (
        "E3-referrals",
        _referral("cus_bob", "cus_ada"),
        "referral ref_cus_bob is waiting, events tell of that 0 times",
    ),
    "more rewards than are allowed": (
        "E3-referrals",
        ["INSERT INTO counters VALUES ('referral_rewards:cus_ada:month:0', 'cus_ada', 3)"],
        "cus_ada had 3 rewards in one month, 0 are allowed",
    ),
}  # fmt: skip
