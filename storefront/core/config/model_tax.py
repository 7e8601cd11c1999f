"""The section ``tax`` as the rest of the shop sees it. It is part of the catalog version that prices a purchase."""

from dataclasses import dataclass, field
from enum import StrEnum

PARTS_PER_MILLION = 1_000_000


class TaxBy(StrEnum):
    """Who works taxes out: our own table, or the payment gateway."""

    TABLE = "table"
    GATEWAY = "gateway"


class TaxPrices(StrEnum):
    """Whether the offers' prices hold the tax already, or the buyer pays it on top."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class TaxRate:
    """What one country takes of one class of goods. ``percent`` as the operator wrote it: ``"19"``, ``"8.875"``."""

    country: str
    tax_class: str
    percent: str
    name: str

    @property
    def parts_per_million(self) -> int:
        """The rate as an integer: 190000 for 19 %."""
        whole, _, rest = self.percent.partition(".")
        return int(whole) * 10_000 + int(rest.ljust(4, "0"))


@dataclass(frozen=True, slots=True)
class Seller:
    """Who stands on receipts, as the law of the seller's country wants it."""

    name: str | None = None
    tax_id: str | None = None
    country: str | None = None
    address: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tax:
    """How sales for real money are taxed. ``default_country`` is of buyers whose country nobody knows."""

    by: TaxBy = TaxBy.TABLE
    prices: TaxPrices = TaxPrices.INCLUSIVE
    default_country: str | None = None
    default_class: str = "digital"
    seller: Seller = field(default_factory=Seller)
    rates: tuple[TaxRate, ...] = ()

    def rate(self, country: str | None, tax_class: str | None) -> TaxRate | None:
        """Return the rate for a buyer's country (the default one if unknown) and a class of goods, if there is one."""
        where, what = country or self.default_country, tax_class or self.default_class
        return next((one for one in self.rates if (one.country, one.tax_class) == (where, what)), None)
