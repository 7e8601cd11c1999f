"""However a customer changes inside a period, and however a unit rounds, nobody takes out more than was put in."""

from fractions import Fraction

from hypothesis import example, given, settings
from hypothesis import strategies as st
from storefront_subscriptions.intervals import Period
from storefront_subscriptions.proration import PaidSpan, change, opening

TOTAL = st.sampled_from([7, 1_000, 86_400_000, 2_678_400_000])
PRICE = st.one_of(st.integers(0, 20), st.integers(0, 5_000), st.integers(0, 10**12))
STEP = st.tuples(st.integers(0, 999), PRICE)


def play(period, paid, steps):
    """Change in the order of time; return each change's net amount, the spans, and the exact price of it all."""
    spans, nets, exact, before, price = opening(period, paid), [], Fraction(0), 0, paid
    for share, wanted in sorted(steps, key=lambda step: step[0]):
        at = period.total * share // 1000
        exact += Fraction(price * (at - before), period.total)
        made = change(spans, period, at, price=wanted, mode="charge_now")
        spans, before, price = made.spans, at, wanted
        nets.append(made.net)
    return nets, spans, exact + Fraction(price * (period.end - before), period.total)


@settings(max_examples=400, deadline=None)
@given(TOTAL, PRICE, st.lists(STEP, min_size=1, max_size=40))
@example(1_000, 1, [(15, 0), (500, 1), (991, 55)])  # every charge comes to just under a half
def test_the_shop_keeps_the_exact_price_of_what_was_used_to_within_one_unit(total, paid, steps):
    nets, spans, exact = play(Period(0, 0, total), paid, steps)
    assert paid + sum(nets) >= exact - 1
    assert paid + sum(nets) <= exact + 1 + len(steps)
    assert all(span.credited <= span.paid for span in spans)


@settings(max_examples=400, deadline=None)
@given(TOTAL, PRICE, st.lists(STEP, min_size=1, max_size=40), st.integers(0, 999))
def test_changes_up_and_back_down_never_leave_net_credit(total, paid, steps, back):
    steps = [(share, paid + more) for share, more in steps]
    last = max(back, *(share for share, _ in steps), 0)
    nets, _, _ = play(Period(0, 0, total), paid, [*steps, (last, paid)])
    assert sum(nets) >= 0


@settings(max_examples=300, deadline=None)
@given(TOTAL, PRICE, st.integers(0, 100), st.lists(STEP, max_size=20))
def test_credits_never_exceed_what_was_really_paid(total, paid, percent, steps):
    period = Period(0, 0, total)
    spans = (PaidSpan(0, paid, paid, refunded=paid * percent // 100),)
    put_in = spans[0].paid
    for share, price in sorted(steps, key=lambda step: step[0]):
        made = change(spans, period, total * share // 1000, price=price, mode="charge_now")
        put_in, spans = put_in + made.net, made.spans
        assert put_in >= 0


def test_going_up_for_two_milliseconds_wherever_a_credit_rounds_cannot_farm_the_rounding():
    period = Period(0, 0, 2_000_000)
    spans, kept = opening(period, 100), 100
    for number in range(100):
        half = (2 * number + 1) * 10_000  # here the rest of 100 falls from n.5 upwards to n.5 downwards
        for at, price in ((half - 1, 130), (half + 1, 100)):
            made = change(spans, period, at, price=price, mode="charge_now")
            spans, kept = made.spans, kept + made.net
    assert kept >= 100
