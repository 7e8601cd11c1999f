"""Settlement: in which currency a movement reaches an account's balance, and at which rate.

The platform settles in a configured list of currencies (USD, EUR and GBP without one); money in any other currency
is converted to the first of them. A connected account settles in its own default currency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from storefront.sandbox.currencies import ALL, exponent
from storefront.sandbox.store import PLATFORM
from storefront.sandbox.world import World

DEFAULT_SETTLES = ("usd", "eur", "gbp")
_RATE_DIGITS = 8

# How many units of each currency one US dollar buys: round figures, fixed, so that tests can reckon with them.
UNITS_PER_DOLLAR: Mapping[str, str] = {
    "usd": "1", "eur": "0.80", "gbp": "0.75", "aed": "3.6725", "afn": "70", "all": "90", "amd": "390", "ang": "1.79",
    "aoa": "900", "ars": "1000", "aud": "1.50", "awg": "1.79", "azn": "1.70", "bam": "1.60", "bbd": "2", "bdt": "120",
    "bgn": "1.60", "bhd": "0.40", "bif": "2900", "bmd": "1", "bnd": "1.30", "bob": "6.90", "brl": "5", "bsd": "1",
    "bwp": "13.50", "byn": "3.20", "bzd": "2", "cad": "1.40", "cdf": "2800", "chf": "0.80", "clp": "950",
    "cny": "7", "cop": "4000", "crc": "500", "cve": "88", "czk": "20", "djf": "178", "dkk": "6", "dop": "60",
    "dzd": "130", "egp": "50", "etb": "130", "fjd": "2.25", "fkp": "0.75", "gel": "2.70", "gip": "0.75",
    "gmd": "70", "gnf": "8600", "gtq": "7.70", "gyd": "209", "hkd": "7.80", "hnl": "26", "htg": "131", "huf": "320",
    "idr": "16000", "ils": "3.50", "inr": "85", "isk": "125", "jmd": "160", "jod": "0.70", "jpy": "150",
    "kes": "130", "kgs": "87", "khr": "4000", "kmf": "400", "krw": "1400", "kwd": "0.30", "kyd": "0.83",
    "kzt": "500", "lak": "21500", "lbp": "89500", "lkr": "300", "lrd": "200", "lsl": "18", "mad": "9", "mdl": "17",
    "mga": "4500", "mkd": "50", "mmk": "2100", "mnt": "3500", "mop": "8", "mur": "45", "mvr": "15.40",
    "mwk": "1730", "mxn": "18", "myr": "4.20", "mzn": "64", "nad": "18", "ngn": "1500", "nio": "36.80", "nok": "10",
    "npr": "136", "nzd": "1.70", "omr": "0.40", "pab": "1", "pen": "3.50", "pgk": "4.20", "php": "58",
    "pkr": "280", "pln": "3.60", "pyg": "7500", "qar": "3.64", "ron": "4.40", "rsd": "100", "rub": "80",
    "rwf": "1440", "sar": "3.75", "sbd": "8.30", "scr": "14", "sek": "9.50", "sgd": "1.30", "shp": "0.75",
    "sle": "23", "sos": "571", "srd": "37", "std": "22000", "szl": "18", "thb": "32", "tjs": "10", "tnd": "3",
    "top": "2.40", "try": "40", "ttd": "6.80", "twd": "30", "tzs": "2600", "uah": "41", "ugx": "3600", "uyu": "40",
    "uzs": "12500", "vnd": "26000", "vuv": "120", "wst": "2.75", "xaf": "560", "xcd": "2.70", "xof": "560",
    "xpf": "100", "yer": "240", "zar": "18", "zmw": "25",
}  # fmt: skip


class Converted(NamedTuple):
    """An amount in the currency that it settles in; no rate where nothing was converted."""

    amount: int
    currency: str
    exchange_rate: float | None


def checked_settles(codes: Sequence[str]) -> tuple[str, ...]:
    """The settlement currencies in lower case, in their order.

    Raises:
        ValueError: none, one twice, or one that Stripe does not know.
    """
    settles = tuple(code.lower() for code in codes)
    unknown = sorted(set(settles) - ALL)
    if not settles or unknown or len(set(settles)) != len(settles):
        raise ValueError(f"settles: at least one currency, each once and known to Stripe; got {', '.join(codes)}")
    return settles


def checked_rates(rates: Mapping[str, str]) -> dict[str, str]:
    """Units per US dollar by lower-case currency.

    Raises:
        ValueError: an unknown currency, the dollar itself, or a rate that is not a number above zero.
    """
    checked = {}
    for code, text in rates.items():
        rate = Decimal(text) if text.replace(".", "", 1).isdigit() and text.isascii() else Decimal(0)
        if code.lower() not in ALL - {"usd"} or rate <= 0:
            raise ValueError(f"rates: {code}: {text} is not a number of units that one US dollar buys")
        checked[code.lower()] = text
    return checked


def set_settles(world: World, settles: Sequence[str]) -> None:
    """Settle in these currencies from now on, the first being the one that others are converted to."""
    world.records.set_setting("settles", list(checked_settles(settles)))


def set_rates(world: World, rates: Mapping[str, str]) -> None:
    """Change some rates from now on; what is booked keeps its own."""
    known = world.records.setting("rates", {})
    world.records.set_setting("rates", {**known, **checked_rates(rates)})


def settles(world: World) -> tuple[str, ...]:
    """The currencies in which the account that acts keeps a balance; others are converted to the first."""
    owner = world.records.owner or PLATFORM
    if owner == PLATFORM:
        return tuple(world.records.setting("settles", list(DEFAULT_SETTLES)))
    with world.acting_for(PLATFORM):
        return (str(world.get("account", owner)["default_currency"]),)


def convert(world: World, amount: int, currency: str) -> Converted:
    """What ``amount`` minor units come to in the acting account's balance today, rounded half away from zero."""
    own = settles(world)
    if currency in own:
        return Converted(amount, currency, None)
    rate = _rate(world, currency, own[0])
    size = int((abs(amount) * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return Converted(size if amount >= 0 else -size, own[0], float(rate))


def _rate(world: World, given: str, wanted: str) -> Decimal:
    """Minor units of ``wanted`` for one minor unit of ``given``: what Stripe calls ``exchange_rate``."""
    rates = {**UNITS_PER_DOLLAR, **world.records.setting("rates", {})}
    rate = Decimal(rates[wanted]) / Decimal(rates[given])
    rate = rate.scaleb(exponent(wanted) - exponent(given))
    return round(rate, _RATE_DIGITS - rate.adjusted() - 1)
