"""A shop's own accent, moved until it can be read.

The operator names one colour. It must reach 4.5:1 on cards, on the page and on its own soft ground, in the
light theme and in the dark, and its label must reach 4.5:1 on it; so it is darkened or lightened in small
steps until all of that holds. The result is a style sheet, because pages allow no inline styles.
"""

import colorsys
import re
from dataclasses import dataclass
from typing import Final

READABLE: Final = 4.5
"""WCAG 2.2 contrast for text, 1.4.3."""

_LIGHT_GROUNDS: Final = ("#FFFFFF", "#F4F7F6")
_DARK_GROUNDS: Final = ("#151D1C", "#0D1413")
_STEP: Final = 0.02


@dataclass(frozen=True, slots=True)
class Shade:
    """An accent for one theme, as ``#RRGGBB``: itself, the text on it, its soft ground, under the pointer."""

    accent: str
    on_accent: str
    soft: str
    hover: str

    def css(self) -> str:
        return (
            f"--accent:{self.accent};--on-accent:{self.on_accent};--accent-soft:{self.soft};--accent-hover:{self.hover}"
        )


@dataclass(frozen=True, slots=True)
class Accent:
    """The two shades of one accent, and the style sheet that sets them over the tokens."""

    light: Shade
    dark: Shade

    def css(self) -> str:
        """A style sheet to link after ``tokens.css``."""
        return (
            f":root{{{self.light.css()}}}\n"
            f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{self.dark.css()}}}}}\n"
            f"[data-theme=dark]{{{self.dark.css()}}}\n"
        )


OURS: Final = Accent(
    light=Shade("#0A6570", "#FFFFFF", "#DCEFF0", "#0C7682"),
    dark=Shade("#5CC9D1", "#04201F", "#12343A", "#79D6DC"),
)
"""The accent of ``tokens.css``, chosen by eye: a shop that names it gets exactly it, in both themes."""


def fit_accent(colour: str) -> Accent:
    """Make an accent for both themes from ``#RGB`` or ``#RRGGBB``.

    Raises: ``ValueError`` for anything that is not such a colour.
    """
    rgb = _parse(colour)
    if _hex(rgb) == OURS.light.accent:
        return OURS
    return Accent(
        light=_fit(rgb, towards="#000000", grounds=_LIGHT_GROUNDS, soft_share=0.14),
        dark=_fit(rgb, towards="#FFFFFF", grounds=_DARK_GROUNDS, soft_share=0.2),
    )


def contrast(one: str, other: str) -> float:
    """WCAG contrast of two colours, 1 to 21."""
    first, second = luminance(one), luminance(other)
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1. Source: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    red, green, blue = (_linear(channel / 255) for channel in _parse(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _fit(rgb: tuple[int, int, int], *, towards: str, grounds: tuple[str, ...], soft_share: float) -> Shade:
    for step in range(int(1 / _STEP) + 1):
        accent = _lit(rgb, towards, step * _STEP)
        shade = Shade(
            accent=accent,
            on_accent=_label_on(accent),
            soft=_mix(grounds[0], accent, soft_share),
            hover=_mix(accent, towards, 0.12),
        )
        if _reads(shade, grounds):
            return shade
    raise AssertionError("black on white and white on black always read")


def _lit(rgb: tuple[int, int, int], towards: str, share: float) -> str:
    """Move the lightness alone, so that the colour keeps its hue and stays a colour."""
    red, green, blue = (channel / 255 for channel in rgb)
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    goal = 1.0 if towards == "#FFFFFF" else 0.0
    moved = colorsys.hls_to_rgb(hue, lightness + (goal - lightness) * share, saturation)
    first, second, third = (round(channel * 255) for channel in moved)
    return _hex((first, second, third))


def _reads(shade: Shade, grounds: tuple[str, ...]) -> bool:
    pairs = [(shade.accent, ground) for ground in (*grounds, shade.soft)]
    pairs += [(shade.on_accent, shade.accent), (shade.on_accent, shade.hover)]
    return all(contrast(one, other) >= READABLE for one, other in pairs)


def _label_on(accent: str) -> str:
    return max(("#FFFFFF", "#04201F"), key=lambda label: contrast(label, accent))


def _mix(one: str, other: str, share: float) -> str:
    pairs = zip(_parse(one), _parse(other), strict=True)
    red, green, blue = (round(first + (second - first) * share) for first, second in pairs)
    return _hex((red, green, blue))


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _parse(colour: str) -> tuple[int, int, int]:
    if not re.fullmatch(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})", colour):
        raise ValueError(f"not a colour like #0A6570: {colour!r}")
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02X}{:02X}{:02X}".format(*rgb)
