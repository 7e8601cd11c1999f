"""Money as people read it."""

import pytest

from storefront.design.money import exponent_of, format_count, format_money, format_virtual, is_real, share_of


@pytest.mark.parametrize(
    ("amount_minor", "currency", "locale", "text"),
    [
        (499, "USD", "en", "$4.99"),
        (499, "EUR", "en", "€4.99"),
        (1_248_000, "EUR", "en", "€12,480.00"),
        (499, "EUR", "de", "4,99\N{NO-BREAK SPACE}€"),
        (499, "USD", "de", "4,99\N{NO-BREAK SPACE}$"),
        (500, "JPY", "en", "¥500"),
        (500, "JPY", "de", "500\N{NO-BREAK SPACE}¥"),
        (1234, "KWD", "en", "KWD\N{NO-BREAK SPACE}1.234"),
        (1234, "KWD", "de", "1,234\N{NO-BREAK SPACE}KWD"),
        (-453, "EUR", "en", "−€4.53"),
        (0, "EUR", "en", "€0.00"),
        (1, "USD", "de-AT", "$\N{NO-BREAK SPACE}0,01"),
    ],
)
def test_a_sum_is_written_as_its_readers_write_it(amount_minor: int, currency: str, locale: str, text: str) -> None:
    assert format_money(amount_minor, currency, locale) == text


def test_the_largest_amount_on_the_wire_keeps_its_last_cent() -> None:
    assert format_money(2**53 - 1, "USD") == "$90,071,992,547,409.91"


def test_decimals_are_those_of_iso_and_not_those_of_everyday_use() -> None:
    assert format_money(12345, "IQD") == "IQD\N{NO-BREAK SPACE}12.345"
    assert exponent_of("IQD") == 3


def test_an_unknown_language_falls_back_to_english() -> None:
    assert format_money(499, "USD", "xx-nonsense") == "$4.99"


def test_virtual_amounts_carry_their_name_and_their_own_decimals() -> None:
    assert format_virtual(12_480, "gems") == "12,480\N{NO-BREAK SPACE}gems"
    assert format_virtual(1250, "marks", "de", exponent=2) == "12,5\N{NO-BREAK SPACE}marks"
    assert format_count(12_480, "de") == "12.480"


def test_gems_and_gold_bars_are_no_real_currency() -> None:
    assert [is_real(code) for code in ("EUR", "JPY", "gems", "XAU")] == [True, True, False, False]


def test_a_share_is_rounded_half_up_without_floats() -> None:
    assert share_of(99, 480, 100) == 475
    assert share_of(1, 1, 2) == 1
    assert share_of(1, 49, 100) == 0
    assert share_of(2**53 - 1, 3, 3) == 2**53 - 1
