"""The token sheet: both dark copies are one, and every promised contrast holds."""

import re

import pytest

from storefront.design import STATIC, asset_url
from storefront.design.accent import OURS, contrast

SHEET = (STATIC / "tokens.css").read_text()


def tokens(opening: str) -> dict[str, str]:
    start = SHEET.index(opening) + len(opening)
    return dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9A-F]{6,8});", SHEET[start : SHEET.index("}", start)]))


LIGHT = tokens("\n:root {")
DARK = tokens("\n[data-theme=dark] {")

ON_SURFACE = {
    "line-strong": (4.0, 4.4),
    "ink": (16.8, 14.8),
    "ink-2": (8.2, 9.6),
    "ink-3": (5.8, 6.5),
    "accent": (6.8, 8.8),
    "play-ink": (7.2, 10.7),
    "hype": (6.4, 7.5),
    "good": (6.1, 9.3),
    "bad": (6.5, 8.1),
    "focus": (7.6, 10.1),
}
PAIRS = [
    ("on-accent", "accent"), ("on-accent", "accent-hover"), ("accent", "accent-soft"), ("on-play", "play"),
    ("play-ink", "play-soft"), ("hype", "hype-soft"), ("good", "good-soft"), ("bad", "bad-soft"), ("on-bad", "bad"),
    ("ink", "bg"), ("ink-2", "bg"), ("ink-3", "bg"), ("accent", "bg"), ("ink-2", "sunken"), ("ink-2", "track"),
    ("ink-2", "play-soft"), ("on-toast", "toast"), ("bg", "ink"),
]  # fmt: skip


def test_both_copies_of_the_dark_set_are_equal() -> None:
    assert tokens(":root:not([data-theme=light]) {") == DARK
    assert set(DARK) == {name for name in LIGHT if not name.startswith(("panel", "on-panel"))}


@pytest.mark.parametrize("name", ON_SURFACE)
def test_contrast_on_the_surface_is_as_the_table_says(name: str) -> None:
    measured = tuple(contrast(theme[name], theme["surface"]) for theme in (LIGHT, DARK))
    assert measured == pytest.approx(ON_SURFACE[name], abs=0.1)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_reads_on_its_ground(theme: dict[str, str], text: str, ground: str) -> None:
    assert contrast(theme[text], theme[ground]) >= 4.5


def test_text_reads_on_the_featured_panel() -> None:
    for ground in (LIGHT["panel"], LIGHT["panel-2"]):
        assert contrast(LIGHT["on-panel"], ground) >= 4.5
        assert contrast(LIGHT["on-panel-2"], ground) >= 4.5
    assert contrast(LIGHT["panel-focus"], LIGHT["panel"]) >= 3


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_chart_colours_stand_out_and_the_heatmap_carries_its_figures(theme: dict[str, str]) -> None:
    assert min(contrast(theme[f"c{number}"], theme["surface"]) for number in range(1, 7)) >= 3
    for step in range(7):
        figure = theme["ink"] if step <= 3 else theme["bg"]
        assert contrast(figure, theme[f"h{step}"]) >= 4.5


def test_the_fitted_accent_knows_the_tokens() -> None:
    for shade, theme in ((OURS.light, LIGHT), (OURS.dark, DARK)):
        assert shade.accent == theme["accent"]
        assert (shade.on_accent, shade.soft, shade.hover) == (
            theme["on-accent"],
            theme["accent-soft"],
            theme["accent-hover"],
        )


@pytest.mark.parametrize("sheet", ["base.css", "tokens.css"])
def test_sheets_name_only_tokens_that_exist_and_load_nothing(sheet: str) -> None:
    css = re.sub(r"/\*.*?\*/", "", (STATIC / sheet).read_text(), flags=re.DOTALL)
    known = set(re.findall(r"--([a-z0-9-]+):", SHEET + css))
    assert set(re.findall(r"var\(--([a-z0-9-]+)", css)) <= known
    assert "url(" not in css
    assert "@import" not in css


def test_only_the_token_sheet_names_colours() -> None:
    assert re.findall(r"#[0-9A-Fa-f]{3,8}\b(?=[;)\s])", (STATIC / "base.css").read_text()) == []


def test_an_asset_is_named_by_its_content() -> None:
    assert re.fullmatch(r"/static/design/tokens\.css\?v=[0-9a-f]{12}", asset_url("tokens.css"))
    assert asset_url("base.css", base="/store").startswith("/store/static/design/base.css?v=")
    with pytest.raises(FileNotFoundError):
        asset_url("missing.css")
