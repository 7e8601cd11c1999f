"""A shop's accent can be read, whatever colour the operator names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storefront.design.accent import contrast, fit_accent


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#FFFFFF") == 21.0
    assert contrast("#fff", "#FFFFFF") == 1.0
    assert round(contrast("#767676", "#FFFFFF"), 2) == 4.54


@given(st.integers(min_value=0, max_value=0xFFFFFF))
def test_every_accent_reads_in_both_themes(number: int) -> None:
    accent = fit_accent(f"#{number:06X}")
    for shade, surface, page in ((accent.light, "#FFFFFF", "#F4F7F6"), (accent.dark, "#151D1C", "#0D1413")):
        assert contrast(shade.accent, surface) >= 4.5
        assert contrast(shade.accent, page) >= 4.5
        assert contrast(shade.accent, shade.soft) >= 4.5
        assert contrast(shade.on_accent, shade.accent) >= 4.5
        assert contrast(shade.on_accent, shade.hover) >= 4.5


def test_a_colour_that_already_reads_is_left_alone() -> None:
    assert fit_accent("#7A1FA2").light.accent == "#7A1FA2"


def test_yellow_is_darkened_on_white_and_kept_on_black() -> None:
    accent = fit_accent("#FFE000")
    assert accent.dark.accent == "#FFE000"
    assert accent.light.accent != "#FFE000"


def test_our_own_accent_gives_our_own_tokens() -> None:
    accent = fit_accent("#0a6570")
    assert (accent.light.accent, accent.dark.accent) == ("#0A6570", "#5CC9D1")


def test_the_sheet_sets_both_themes_and_lets_a_chosen_theme_win() -> None:
    css = fit_accent("#7A1FA2").css()
    assert css.startswith(":root{--accent:#7A1FA2;")
    assert "@media (prefers-color-scheme:dark){:root:not([data-theme=light]){--accent:" in css
    assert re.search(r"^\[data-theme=dark\]\{--accent:#[0-9A-F]{6};", css, re.MULTILINE)


@pytest.mark.parametrize("text", ["red", "#12", "#1234", "0A6570", "#0A6570;}", "#GGGGGG", ""])
def test_anything_but_a_hex_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a colour"):
        fit_accent(text)
