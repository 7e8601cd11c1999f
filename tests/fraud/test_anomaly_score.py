"""The anomaly score: bounded, deterministic, of bounded size, and not to be moved by whom it watches."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storefront_fraud.anomaly import Behaviour, Detector, Profile, Score
from storefront_fraud.anomaly.combining import chance_of, excess, scale, score_of
from storefront_fraud.anomaly.histograms import Histogram
from storefront_fraud.anomaly.profiles import Familiar
from storefront_fraud.anomaly.sketches import Sketch, token_of
from storefront_fraud.anomaly.world import World

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_767_225_600_000


class Shop:
    """Customers of a detector, each with a profile, as a shop would keep them."""

    def __init__(self, seed: int = 1) -> None:
        self.detector = Detector(b"salt")
        self.profiles: dict[str, Profile] = {}
        self.random = Random(seed)

    def buy(self, customer: str, at: int, amount: int = 499, **other: object) -> Score:
        facts = {"customer_since": START - 100 * DAY, "kind": "currency_pack", "sku": "gems-500", "gateway": "stripe",
                 "network": f"net-{customer}", "device": f"dev-{customer}", "country": "DE"}  # fmt: skip
        seen = Behaviour(at=at, amount=amount, **{**facts, **other})  # type: ignore[arg-type]
        profile = self.profiles.setdefault(customer, Profile())
        score = self.detector.score(seen, profile)
        self.detector.note(seen, profile)
        self.detector.learn(seen, profile, score)
        return score

    def live(self, days: int, first: int = 0) -> None:
        """Let 40 ordinary customers buy for some days, one purchase in two days each, in the evening."""
        for day in range(first, first + days):
            for number in self.random.sample(range(40), 20):
                at = START + day * DAY + int(self.random.gauss(18, 1) * HOUR)
                amount = self.random.choice([99, 499, 499, 999, 1999])
                self.buy(f"customer-{number}", at, amount)


def take_over(shop: Shop, day: int, **other: object) -> Score:
    strange = {"network": "elsewhere", "device": "another", "country": "KP", "gateway": "wallet", "kind": "item"}
    return shop.buy("customer-1", START + day * DAY + 4 * HOUR, 49_999, **{**strange, **other})


@pytest.fixture(scope="module")
def text() -> str:
    """Return the world of a shop after 60 days, and the profiles, as they are stored."""
    shop = Shop()
    shop.live(60)
    return json.dumps([shop.detector.world.text(), {name: one.row() for name, one in shop.profiles.items()}])


@pytest.fixture
def shop(text: str) -> Shop:
    world, profiles = json.loads(text)
    found = Shop(2)
    found.detector = Detector(b"salt", World.of_text(world))
    found.profiles = {name: Profile.of_row(row) for name, row in profiles.items()}
    return found


def test_nothing_is_said_before_enough_was_learned() -> None:
    shop = Shop()

    assert shop.buy("ada", START).value is None


def test_an_ordinary_purchase_is_not_unusual_and_a_take_over_is_and_says_why(shop: Shop) -> None:
    ordinary = shop.buy("customer-1", START + 60 * DAY + 18 * HOUR)

    strange = take_over(shop, 62)

    assert ordinary.value is not None
    assert ordinary.value < 0.2
    assert ordinary.reasons == ()
    assert strange.value is not None
    assert strange.value > 0.6
    assert {one.feature for one in strange.reasons} >= {"amount_own", "country"}
    said = next(one.says for one in strange.reasons if one.feature == "amount_own")
    assert "times what this customer usually pays" in said


def test_what_is_stored_says_the_same_as_what_was_in_memory(shop: Shop) -> None:
    stored = Shop(2)
    stored.detector = Detector(b"salt", World.of_text(shop.detector.world.text()))
    stored.profiles = {name: Profile.of_row(one.row()) for name, one in shop.profiles.items()}

    shop.live(3, first=60)
    stored.live(3, first=60)

    assert take_over(stored, 64) == take_over(shop, 64)
    assert stored.detector.world.text() == shop.detector.world.text()
    assert stored.profiles["customer-1"].row() == shop.profiles["customer-1"].row()


def test_a_thousand_purchases_from_everywhere_leave_a_small_row(shop: Shop) -> None:
    world = len(shop.detector.world.text())

    for number in range(1000):
        at = START + 60 * DAY + number * HOUR
        shop.buy("ada", at, number + 1, network=f"n{number}", device=f"d{number}", country=f"c{number % 200}",
                 recipient=f"r{number}", kind=f"k{number}", gateway=f"g{number}", sku=f"s{number}")  # fmt: skip

    assert len(shop.profiles["ada"].row()) < 2500
    assert len(shop.detector.world.text()) < world + 250_000  # cells that were zero are written out now
    assert len(shop.detector.world.sketches["ways"].cells) == 6144


def test_an_attacker_does_not_become_usual_by_repeating_themselves(shop: Shop) -> None:
    first = take_over(shop, 61, network="elsewhere-0")
    scores = [take_over(shop, 61, network=f"elsewhere-{number % 2 * number}").value for number in range(200)]

    assert first.value is not None
    assert min(one for one in scores if one is not None) >= first.value


def test_warming_an_account_up_leaves_the_large_amount_rare(shop: Shop) -> None:
    cold = shop.detector.score(_large(), Profile.of_row(shop.profiles["customer-1"].row()))

    for number in range(400):
        shop.buy("customer-1", START + 60 * DAY + number * MINUTE, 40_000)
    warmed = shop.profiles["customer-1"].usual
    warm = shop.detector.score(_large(), shop.profiles["customer-1"])

    assert warmed < 7.6, "400 purchases in seven hours move what is usual by less than a day's step"
    assert cold.rarities["amount"] < 0.02
    assert warm.rarities["amount"] < 0.05


def _large() -> Behaviour:
    return Behaviour(at=START + 61 * DAY + 18 * HOUR, customer_since=START - 100 * DAY, kind="currency_pack",
                     sku="gems-500", amount=45_000, gateway="stripe")  # fmt: skip


def test_prices_that_rise_slowly_stay_usual(shop: Shop) -> None:
    scores = []
    for day in range(60, 160):
        for number in shop.random.sample(range(40), 20):
            at = START + day * DAY + int(shop.random.gauss(18, 1) * HOUR)
            amount = int(shop.random.choice([99, 499, 499, 999, 1999]) * 1.01 ** (day - 60))
            scores.append(shop.buy(f"customer-{number}", at, amount).value or 0.0)

    assert sum(one > 0.5 for one in scores[-1000:]) <= 10


def test_twenty_strangers_on_one_device_are_seen(shop: Shop) -> None:
    scores = [
        shop.buy(f"new-{number}", START + 61 * DAY + 18 * HOUR + number * MINUTE, 99, network="net", device="dev",
                 customer_since=START + 61 * DAY + 17 * HOUR)
        for number in range(20)
    ]  # fmt: skip

    assert scores[0].rarities["crowd"] > 0.02
    assert scores[-1].group("crowd") is not None
    assert scores[-1].rarities["crowd"] < 0.005
    assert "new customers on this device" in " ".join(one.says for one in scores[-1].reasons)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.builds(
            Behaviour,
            at=st.integers(0, 2**43), customer_since=st.integers(0, 2**43), kind=st.text(max_size=5),
            sku=st.text(max_size=5), amount=st.none() | st.integers(0, 2**60), gateway=st.sampled_from(["wallet", "x"]),
            purchases=st.integers(0, 10**6), refunds=st.integers(0, 10**6), recipient=st.none() | st.text(max_size=3),
            recipient_since=st.none() | st.integers(0, 2**43), network=st.none() | st.text(max_size=3),
            device=st.none() | st.text(max_size=3), country=st.none() | st.text(max_size=2),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_whatever_comes_in_any_order_the_score_is_between_0_and_1(many: list[Behaviour]) -> None:
    detector, profile = Detector(b""), Profile()
    detector.world.learned = 300

    for seen in many:
        score = detector.score(seen, profile)
        detector.note(seen, profile)
        detector.learn(seen, profile, score)

        assert score.value is not None
        assert 0 <= score.value <= 1
        assert all(0 < one <= 1 for one in score.rarities.values())
        assert Profile.of_row(profile.row()).row() == profile.row()


def test_the_chance_of_a_product_is_that_of_the_literature() -> None:
    # One group: the chance that it is rarer than 0.1 / e^w is just that.
    assert chance_of(2.302585092994046, 1) == pytest.approx(0.01)
    # Two groups, by hand: 2 * 0.1 * 0.9 * e^-2 + 0.01 * (1 + 2) * e^-2.
    assert chance_of(2.0, 2) == pytest.approx(0.21 * 0.1353352832366127)
    assert chance_of(0.0, 7) == 1.0
    assert score_of([0.1, 0.5, 1.0]) == 0.0
    # One of one that is as rare as 0.001: one in a thousand, half of the scale.
    assert score_of([0.001]) == pytest.approx(0.5)
    assert [scale(one) for one in (1.0, 1e-3, 1e-6, 0.0)] == pytest.approx([0, 0.5, 1, 1])


def test_more_than_expected_is_measured_by_half_the_deviance_of_a_count() -> None:
    assert excess(1, 2) == 0.0
    assert excess(2, 1) == pytest.approx(0.38629436)
    assert excess(10, 1) == pytest.approx(14.02585093)


def test_a_tail_counts_the_purchase_itself_and_forgets_by_half() -> None:
    histogram = Histogram(half_life=100)
    for _ in range(9):
        histogram.learn(0.0, 1.0)

    assert histogram.tail(0.0) == 1.0
    assert histogram.tail(5.0) == pytest.approx(1 / 9.7, rel=0.02)

    histogram.learn(5.0, 1.0)
    before = histogram.tail(5.0)
    for _ in range(5000):
        histogram.learn(0.0, 1.0)
    assert before == pytest.approx(2 / 10.6, rel=0.02)
    assert histogram.tail(5.0) == pytest.approx(1 / 145, rel=0.02)


def test_a_sketch_never_tells_too_little_and_halves_with_its_half_life() -> None:
    sketch = Sketch(HOUR)
    tokens = [token_of(f"network:{number}", b"salt") for number in range(500)]
    for number, token in enumerate(tokens):
        for _ in range(number % 3 + 1):
            sketch.add(token, START)

    assert all(sketch.read(token, START) >= number % 3 + 1 for number, token in enumerate(tokens))
    assert sum(sketch.read(token, START) > number % 3 + 1.5 for number, token in enumerate(tokens)) <= 25
    assert sketch.read(tokens[2], START + HOUR) == pytest.approx(sketch.read(tokens[2], START) / 2)
    assert sketch.read(tokens[2], START + 2000 * HOUR) < 1e-9


def test_what_is_new_stays_new_for_two_days() -> None:
    places = Familiar(2, 0.3)
    places.learn(1, START)
    places.learn(2, START + DAY)

    assert places.surprise(1, START + DAY) == 0.0
    assert places.surprise(2, START + 2 * DAY) > 0.5
    assert places.surprise(2, START + 3 * DAY) == 0.0
    assert places.surprise(3, START + 3 * DAY) > 0.5

    places.learn(3, START + 3 * DAY)
    assert list(places.since) == [2, 3]
