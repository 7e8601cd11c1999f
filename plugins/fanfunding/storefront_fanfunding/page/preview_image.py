"""The picture of a tip page's link preview: who it is for, in their colour, drawn here; nothing is asked of elsewhere.

Words are drawn with the font that comes with Pillow. A line with letters that it lacks is left out rather than drawn as
boxes: the preview says it in text beside the picture anyway.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

SIZE = (1200, 630)
"""Width and height in pixels; what link previews show whole (1.91:1)."""
_FINE = 2
"""Drawn so much larger, and made small: round corners are smooth then."""
_SURFACE, _INK, _INK_2, _PLAY, _ON_PLAY = "#FFFFFF", "#12201E", "#43524F", "#F5B01F", "#2B1D00"
_LONGEST = 200
_EDGE, _INSET, _FACE = 48, 72, 168
_SAYS = "No account needed"


@dataclass(frozen=True, slots=True)
class PreviewWords:
    """What stands in the picture, as the creator's file says it; ``accent`` and ``on_accent`` as ``#rrggbb``."""

    heading: str
    title: str
    initials: str
    shop: str
    accent: str
    on_accent: str

    @property
    def version(self) -> str:
        """What tells this picture from any other."""
        parts = (self.heading, self.title, self.initials, self.shop, self.accent, self.on_accent)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def draw_preview(words: PreviewWords) -> bytes:
    """Return the picture as PNG. Takes some tenths of a second of the processor: not for the event loop."""
    width, height = SIZE[0] * _FINE, SIZE[1] * _FINE
    image = Image.new("RGB", (width, height), words.accent)
    draw = ImageDraw.Draw(image)
    edge, inset, face = _EDGE * _FINE, _INSET * _FINE, _FACE * _FINE
    draw.rounded_rectangle((edge, edge, width - edge, height - edge), radius=40 * _FINE, fill=_SURFACE)
    left, top = edge + inset, edge + inset
    draw.rounded_rectangle((left, top, left + face, top + face), radius=36 * _FINE, fill=words.accent)
    _centred(draw, (left + face // 2, top + face // 2), _shown(words.initials), 76, words.on_accent)
    start, room = left + face + 48 * _FINE, width - edge - inset - (left + face + 48 * _FINE)
    for line in _lines(draw, _shown(words.heading), 84, room, most=1):
        draw.text((start, top - 8 * _FINE), line, font=_font(84), fill=_INK)
    for number, line in enumerate(_lines(draw, _shown(words.title), 42, room, most=3)):
        draw.text((start, top + (108 + 54 * number) * _FINE), line, font=_font(42), fill=_INK_2)
    bottom = height - edge - inset
    length = int(draw.textlength(_SAYS, font=_font(36))) + 72 * _FINE
    draw.rounded_rectangle((left, bottom - 72 * _FINE, left + length, bottom), radius=36 * _FINE, fill=_PLAY)
    _centred(draw, (left + length // 2, bottom - 36 * _FINE), _SAYS, 36, _ON_PLAY)
    for line in _lines(draw, _shown(words.shop), 34, width - edge - inset - (left + length) - 48 * _FINE, most=1):
        draw.text((width - edge - inset, bottom - 36 * _FINE), line, font=_font(34), fill=_INK_2, anchor="rm")
    written = io.BytesIO()
    image.resize(SIZE, Image.Resampling.LANCZOS).save(written, "PNG")
    return written.getvalue()


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size * _FINE)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow's wheels bring FreeType, which a size needs"
    return font


def _shown(text: str) -> str:
    """Return a text in one line as it can be drawn; nothing, if the font lacks some of its letters."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in text[:_LONGEST]).split())
    font = _font(8)
    missing = bytes(font.getmask("\U0010ffff"))
    return "" if any(bytes(font.getmask(one)) == missing for one in set(plain) - {" "}) else plain


def _lines(draw: ImageDraw.ImageDraw, text: str, size: int, room: int, *, most: int) -> Sequence[str]:
    """Return a text in at most so many lines of a width; what does not fit ends with an ellipsis."""
    font, lines, words = _font(size), [""], text.split()
    while words:
        longer = f"{lines[-1]} {words[0]}".strip()
        if draw.textlength(longer, font=font) <= room:
            lines[-1] = longer
            words.pop(0)
        elif lines[-1] and len(lines) < most:
            lines.append("")
        else:
            lines[-1] = _cut(draw, longer, font, room)
            break
    return [line for line in lines if line]


def _cut(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, room: int) -> str:
    while text and draw.textlength(f"{text}…", font=font) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _centred(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, colour: str) -> None:
    draw.text(at, text, font=_font(size), fill=colour, anchor="mm")
