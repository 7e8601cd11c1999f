"""The arithmetic of tax by itself: rounding, what the gateway found, and prices that go back in parts."""

from collections import Counter

import msgspec
import pytest

from storefront.core.accounts import clearing
from storefront.core.commit.plan import Plan, Transfer
from storefront.core.config.model_tax import TaxRate
from storefront.core.money import Money
from storefront.core.taxes import (
    book_revenue,
    lines_with_gateway_tax,
    tax_beside,
    tax_line,
    tax_of_part,
    taxes_of,
)

GOODS = '[{"type":"offer","title":"500 gems","total":{"amount":1000,"currency":"USD"}}]'


def amounts(percent: str, price: int, *, is_included: bool, currency: str = "EUR") -> tuple[int, int]:
    line = tax_line(Money(price, currency), TaxRate("DE", "digital", percent, "VAT"), is_included=is_included)
    return line.base.amount_minor, line.amount.amount_minor


def purchase(lines: str, total: int) -> dict[str, object]:
    return {"id": "pur_1", "customer_id": "cus_1", "lines": lines, "total": total}


def moved(plan: Plan) -> list[tuple[str, str, int]]:
    return [(step.source.id, step.destination.id, step.amount) for step in plan.list if isinstance(step, Transfer)]


@pytest.mark.parametrize(
    ("percent", "price", "is_included", "expected"),
    [
        ("19", 1, True, (1, 0)),
        ("19", 1, False, (1, 0)),
        ("19", 3, False, (3, 1)),  # 0.57
        ("50", 1, False, (1, 1)),  # exactly a half goes up
        ("50", 3, True, (2, 1)),  # exactly 1
        ("25", 2, False, (2, 1)),  # exactly a half
        ("8.875", 10_000, False, (10_000, 888)),  # 887.5
        ("0.0001", 9_007_199_254_740_991, True, (9_007_190_247_550_743, 9_007_190_248)),
        ("0", 1, True, (1, 0)),
        ("99.9999", 200, True, (100, 100)),
    ],
)
def test_a_half_goes_up_and_net_and_tax_are_the_price(
    percent: str, price: int, is_included: bool, expected: tuple[int, int]
) -> None:
    assert amounts(percent, price, is_included=is_included) == expected


def test_what_the_gateway_found_stands_on_the_lines_and_is_booked_by_jurisdiction() -> None:
    lines = lines_with_gateway_tax(GOODS, Money(1000, "USD"), {"US-CA": 60, "US": 0, "US-LA": 25})
    plan = Plan(actor="test")
    book_revenue(plan, purchase(lines, 1000), clearing("stripe", "USD"), Money(1000, "USD"))

    assert [(line.jurisdiction, line.amount.amount_minor) for line in taxes_of(lines)] == [("US-CA", 60), ("US-LA", 25)]
    assert moved(plan) == [
        ("gateway:stripe:clearing:USD", "tax:US-CA:USD", 60),
        ("gateway:stripe:clearing:USD", "tax:US-LA:USD", 25),
        ("gateway:stripe:clearing:USD", "platform:revenue:USD", 915),
    ]
    assert lines_with_gateway_tax(lines, Money(1000, "USD"), {"US-CA": 99}) == lines
    assert lines_with_gateway_tax(GOODS, Money(1000, "USD"), {}) == GOODS
    with pytest.raises(ValueError, match="not inside"):
        lines_with_gateway_tax(GOODS, Money(1000, "USD"), {"US-CA": 1001})


def test_without_tax_all_is_revenue() -> None:
    plan = Plan(actor="test")
    book_revenue(plan, purchase(GOODS, 1000), clearing("stripe", "USD"), Money(1000, "USD"))
    assert moved(plan) == [("gateway:stripe:clearing:USD", "platform:revenue:USD", 1000)]


def test_a_price_that_goes_back_cent_by_cent_takes_exactly_its_tax_along() -> None:
    lines = lines_with_gateway_tax(GOODS, Money(1000, "USD"), {"US-CA": 61, "US-LA": 26})
    sold = purchase(lines, 1000)

    parts, returned = [], Counter[str]()
    for before in range(1000):
        parts.append(tax_beside(sold, 1, before=before, returned=returned))
        returned.update(parts[-1])

    assert returned == {"US-CA": 61, "US-LA": 26}
    assert {sum(part.values()) for part in parts} == {0, 1}
    assert min(min(part.values(), default=0) for part in parts) == 0
    assert tax_of_part(sold, 1000) == {"US-CA": 61, "US-LA": 26}


def test_the_part_that_goes_back_last_takes_the_rest_of_the_tax_along() -> None:
    line = tax_line(Money(479, "EUR"), TaxRate("DE", "digital", "19", "VAT"), is_included=True)
    sold = purchase(msgspec.json.encode([line.to_json()]).decode(), 479)

    assert tax_beside(sold, 200, before=200, returned={"DE": 32}) == {"DE": 31}
    assert tax_beside(sold, 3, before=3, returned={"DE": 1}) == {}  # a part that took no tax was booked back
    assert tax_beside(sold, 473, before=6, returned={"DE": 1}) == {"DE": 75}
    assert tax_beside(sold, 1, before=100, returned={}) == {"DE": 1}  # never more than the part itself
