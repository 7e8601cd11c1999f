"""The drawings behind ``art``: plain shapes on a 64-grid, each named by the tone that fills it.

Light falls from the top left: ``1`` is the lit face, ``2`` the side, ``3`` the face turned away.
``x`` and ``c`` are the two extras: candle yellow and one contrast hue. A shape is ``(tone, path)``;
paths are SVG path data, so that every renderer of the drawings agrees on them.
"""

from dataclasses import dataclass
from typing import Final

Shape = tuple[str, str]
"""One filled area: its tone (``1 2 3 x c``) and its path data."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes from back to front, and how the whole is laid on the grid."""

    shapes: tuple[Shape, ...]
    transform: str = ""


def disc(x: float, y: float, radius: float) -> str:
    """Path data of a filled circle."""
    r, d = f"{radius:g}", f"{2 * radius:g}"
    return f"M{x - radius:g} {y:g}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z"


GEM: Final = (
    ("1", "M6 0L0 8H8z"),
    ("2", "M6 0H12L8 8z"),
    ("1", "M12 0L16 8H8z"),
    ("2", "M12 0H18L16 8z"),
    ("3", "M18 0L24 8H16z"),
    ("2", "M0 8H8L12 22z"),
    ("1", "M8 8H16L12 22z"),
    ("3", "M16 8H24L12 22z"),
)
"""One cut gem, 24 wide and 22 high, from its upper left corner."""

COIN: Final = (
    ("3", disc(12, 12, 11)),
    ("2", disc(12, 10.6, 11)),
    ("1", disc(12, 10.6, 8.4)),
    ("2", disc(12, 10.6, 5.6)),
)
"""One coin, as large as a gem."""

PILES: Final[dict[int, tuple[tuple[float, float, float], ...]]] = {
    1: ((9.2, 11.5, 1.9),),
    2: ((30, 10, 1.3), (2.5, 23, 1.3)),
    3: ((18.8, 3.5, 1.1), (3, 32, 1.1), (34.6, 32, 1.1)),
    4: ((20.6, 1.5, 0.95), (1, 29, 0.95), (40.2, 29, 0.95), (15.8, 27, 1.35)),
    5: ((6.5, 4.5, 0.95), (34.7, 4.5, 0.95), (0, 33, 0.95), (41.2, 33, 0.95), (14, 26, 1.5)),
    6: ((22.2, 0, 0.82), (7, 14, 0.86), (36.4, 14, 0.86), (0, 38, 0.86), (43.4, 38, 0.86), (13.4, 28, 1.55)),
}
"""Where the pieces of a pile lie, back to front: ``(x, y, scale)`` each."""

_SWORD = Drawing(
    (
        ("1", "M32 0L26 8V43H32z"),
        ("2", "M32 0L38 8V43H32z"),
        ("3", "M31 10h2v30h-2z"),
        ("c", "M18 42H46V48H18z"),
        ("x", "M18 42H32V45H18z"),
        ("3", "M29 48H35V58H29z"),
        ("c", disc(32, 60.5, 4)),
        ("x", disc(31, 59.5, 1.6)),
    ),
    "rotate(45 32 32) translate(-6.5 -7.5) scale(1.2)",
)
_POTION = Drawing(
    (
        ("x", "M26 10H38V25L53 50A7 7 0 0 1 47 60H17A7 7 0 0 1 11 50L26 25z"),
        ("2", "M19.4 36H44.6L53 50A7 7 0 0 1 47 60H17A7 7 0 0 1 11 50z"),
        ("1", "M19.4 36H28L22 60H17A7 7 0 0 1 11 50z"),
        ("3", "M39 36H44.6L53 50A7 7 0 0 1 47 60H43z"),
        ("c", disc(30, 51, 3.2)),
        ("c", disc(37, 44, 2.2)),
        ("3", "M24 4H40V11H24z"),
        ("2", "M24 4H31V11H24z"),
    )
)
_BOOTS = Drawing(
    (
        ("c", "M36 7H53V41L62 47V54H34z"),
        ("x", "M34.5 5H54.5V12H34.5z"),
        ("3", "M34 53H62V58H34z"),
        ("2", "M9 12H29V40L42 47V55H9z"),
        ("1", "M9 12H19V55H9z"),
        ("3", "M7 10H31V18H7z"),
        ("2", "M7 10H19V18H7z"),
        ("3", "M7 54H42.5V60H7z"),
        ("x", "M13 36H23V42H13z"),
    )
)
_CLOAK = Drawing(
    (
        ("1", "M26 4H32V22L23 61L6 54L18 17z"),
        ("2", "M38 4H32V22L41 61L58 54L46 17z"),
        ("3", "M32 20L42 61L32 63L22 61z"),
        ("c", "M10.6 40L20.5 43.5L18.5 52L8 48z"),
        ("c", "M53.4 40L43.5 43.5L45.5 52L56 48z"),
        ("x", disc(32, 16, 5.6)),
    )
)
_CROWN = Drawing(
    (
        ("2", "M7 20L20 33V50H12z"),
        ("1", "M20 33L32 13V50H20z"),
        ("2", "M32 13L44 33V50H32z"),
        ("3", "M44 33L57 20L52 50H44z"),
        ("1", "M7 20L20 33L16 50H12z"),
        ("3", "M11.5 48H52.5V57H11.5z"),
        ("2", "M11.5 48H32V57H11.5z"),
        ("x", "M32 33L37 40L32 47L27 40z"),
        ("c", disc(7.5, 18, 4.5)),
        ("c", disc(32, 11, 5)),
        ("c", disc(56.5, 18, 4.5)),
    )
)
_KEY = Drawing(
    (
        ("1", "M32 2A14 14 0 0 0 32 30V22A6 6 0 0 1 32 10z"),
        ("2", "M32 2A14 14 0 0 1 32 30V22A6 6 0 0 0 32 10z"),
        ("1", "M28 28H32V63H28z"),
        ("3", "M32 28H36V63H32z"),
        ("3", "M36 43H46V49H36zM36 54H43V60H36z"),
        ("x", "M26 32H38V37H26z"),
    ),
    "rotate(-45 32 32)",
)
_LANTERN = Drawing(
    (
        ("3", "M22 14A10 10 0 0 1 42 14H38A6 6 0 0 0 26 14z"),
        ("2", "M23 12H41L47 22H17z"),
        ("1", "M23 12H31L29 22H17z"),
        ("x", "M20 22H44V51H20z"),
        ("c", "M32 26C38 33 39 37 39 41A7 7 0 0 1 25 41C25 37 26 33 32 26z"),
        ("x", "M32 36C35 39 35.5 41 35.5 43A3.5 3.5 0 0 1 28.5 43C28.5 41 29 39 32 36z"),
        ("1", "M18 22H22V51H18z"),
        ("3", "M42 22H46V51H42z"),
        ("2", "M15 51H49V60H15z"),
        ("1", "M15 51H29V60H15z"),
        ("3", "M39 51H49V60H39z"),
    )
)
_CHEST = Drawing(
    (
        ("1", "M5 31V22A14 14 0 0 1 19 8H25V31z"),
        ("2", "M25 8H43V31H25z"),
        ("3", "M43 8H45A14 14 0 0 1 59 22V31H43z"),
        ("1", "M5 34H25V58H5z"),
        ("2", "M25 34H43V58H25z"),
        ("3", "M43 34H59V58H43zM5 52H59V58H5z"),
        ("x", "M26 27H40V43H26z"),
        ("c", "M33 30A4 4 0 0 1 35.2 37.3L36.5 41H29.5L30.8 37.3A4 4 0 0 1 33 30z"),
    )
)
_FLAG = Drawing(
    (
        ("1", "M16 9H35V39H16z"),
        ("2", "M35 9H59L50 24L59 39H35z"),
        ("3", "M35 9L41 24L35 39z"),
        ("3", "M11 7H16V62H11z"),
        ("c", disc(13.5, 5.5, 4.5)),
        ("x", "M25 15L27.6 21.2L34 21.7L29.1 26L30.7 32.5L25 29L19.3 32.5L20.9 26L16 21.7L22.4 21.2z"),
    )
)
_SHIELD = Drawing(
    (
        ("1", "M32 4L55 11V30C55 44 45 55 32 61z"),
        ("3", "M32 4L55 11V30C55 44 45 55 32 61z"),
        ("2", "M32 4L9 11V30C9 44 19 55 32 61z"),
        ("1", "M32 11L15 16V30C15 41 22 49 32 54z"),
        ("2", "M32 11L49 16V30C49 41 42 49 32 54z"),
        ("x", "M32 20L41 31L32 43L23 31z"),
        ("c", "M32 20L41 31H32zM32 31L32 43L41 31z"),
    )
)
_BOOK = Drawing(
    (
        ("x", "M14 50H53V58H14z"),
        ("3", "M11 50H18V60H54V62H16A6 6 0 0 1 11 56z"),
        ("2", "M14 4H54V52H17A6 6 0 0 0 11 58V10A6 6 0 0 1 14 4z"),
        ("1", "M16 4H21V52H17A6 6 0 0 0 11 58V9A5 5 0 0 1 16 4z"),
        ("3", "M46 4H54V52H46z"),
        ("x", "M34 14L43 26L34 38L25 26z"),
        ("c", disc(34, 26, 5)),
        ("c", "M41 52H47V64L44 61L41 64z"),
    )
)
_FLAME = Drawing(
    (
        ("2", "M33 2C36 14 52 24 52 42A20 20 0 0 1 12 42C12 32 18 27 21 19C24 23 25 26 25 29C31 22 34 13 33 2z"),
        ("1", "M33 2C34 13 31 22 25 29C25 26 24 23 21 19C18 27 12 32 12 42A20 20 0 0 0 28 61.6C16 46 36 30 33 2z"),
        ("3", "M52 42A20 20 0 0 1 32 62C44 54 46 40 40 20C46 26 52 33 52 42z"),
        ("x", "M32 34C34 41 41 44 41 52A9 9 0 0 1 23 52C23 44 30 42 32 34z"),
    )
)
_PARCEL = Drawing(
    (
        ("1", "M32 4L58 17L32 30L6 17z"),
        ("2", "M6 17L32 30V61L6 48z"),
        ("3", "M58 17L32 30V61L58 48z"),
        ("x", "M16.5 11.8L22.5 8.8L48.5 21.8V33L42.5 36V24.8z"),
        ("c", disc(32, 17, 4.5)),
    )
)

DRAWINGS: Final[dict[str, Drawing]] = {
    "sword": _SWORD,
    "potion": _POTION,
    "boots": _BOOTS,
    "cloak": _CLOAK,
    "crown": _CROWN,
    "key": _KEY,
    "lantern": _LANTERN,
    "chest": _CHEST,
    "flag": _FLAG,
    "shield": _SHIELD,
    "book": _BOOK,
    "flame": _FLAME,
    "default": _PARCEL,
}
"""Every kind but the gem piles, which ``art`` puts together from ``GEM`` and ``PILES``."""
