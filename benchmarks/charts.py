"""Bar charts as SVG, drawn by hand in the colours of the design: light or dark, as the reader's system is."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, BAR, GAP, LEFT, RIGHT, TOP = 760, 22, 12, 300, 110, 56
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #12201E }
  .title { font-size: 16px; font-weight: 600 } .less { fill: #5A6966 }
  .ground { fill: #FFFFFF } .track { fill: #E9EFED } .floor { fill: #74827E } .ours { fill: #0A6570 }
  .aim { stroke: #B97700; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #EAF2F0 } .less { fill: #9DB0AC }
    .ground { fill: #12201E } .track { fill: #1F3230 } .floor { fill: #8A9A96 } .ours { fill: #4CB6BF }
  }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its value and how that reads, whether it is a floor, and the value we aim at."""

    label: str
    value: float
    shown: str
    is_floor: bool = False
    aim: float | None = None


def draw(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """Return an SVG with one horizontal bar each; a line across a bar is the aim."""
    most = max([bar.value for bar in bars] + [bar.aim or 0 for bar in bars]) or 1
    height = TOP + len(bars) * (BAR + GAP) + 12
    scale = (WIDTH - LEFT - RIGHT) / most
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}" rx="12"/>',
        f'<text class="title" x="20" y="30">{escape(title)}</text>',
        f'<text class="less" x="{WIDTH - 20}" y="30" text-anchor="end">{escape(unit)}</text>',
    ]
    for number, bar in enumerate(bars):
        parts.extend(_bar(bar, TOP + number * (BAR + GAP), scale))
    return "\n".join([*parts, "</svg>", ""])


def _bar(bar: Bar, y: int, scale: float) -> list[str]:
    width, middle = max(2, bar.value * scale), y + BAR / 2 + 5
    parts = [
        f'<text x="{LEFT - 12}" y="{middle}" text-anchor="end">{escape(bar.label)}</text>',
        f'<rect class="track" x="{LEFT}" y="{y}" width="{WIDTH - LEFT - RIGHT}" height="{BAR}" rx="4"/>',
        f'<rect class="{"floor" if bar.is_floor else "ours"}" x="{LEFT}" y="{y}" width="{width:.1f}" '
        f'height="{BAR}" rx="4"/>',
        f'<text x="{WIDTH - RIGHT + 10}" y="{middle}">{escape(bar.shown)}</text>',
    ]
    if bar.aim is not None:
        x = LEFT + bar.aim * scale
        parts.append(f'<line class="aim" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{y + BAR + 3}"/>')
    return parts
