"""Converting one asset into another at a stated rate, through the platform's exchange accounts.

A conversion is one entry with a leg in each asset: what is given goes to ``platform:exchange:<from>``, what is
got comes from ``platform:exchange:<to>``. Rate and rounding are kept with the entry for ever, so that anybody
can compute it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storefront.core.accounts import exchange
from storefront.core.commit.plan import Deposit, LotTerms, Plan, Spend
from storefront.core.errors import Refused
from storefront.core.money import MAX_AMOUNT, Money

KIND = "conversion"
REMAINDER_TO = "platform"


class ConversionTooSmall(Refused):
    code = "conversion_too_small"
    title = "So little converts to nothing"


@dataclass(frozen=True, slots=True)
class Rate:
    """``numerator`` units of ``to_asset`` for every ``denominator`` units of ``from_asset``, in smallest units."""

    from_asset: str
    to_asset: str
    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if self.from_asset == self.to_asset:
            raise ValueError(f"{self.from_asset} is not converted into itself")
        if not 1 <= self.numerator <= MAX_AMOUNT or not 1 <= self.denominator <= MAX_AMOUNT:
            raise ValueError("a rate is made of two whole numbers from 1 to 2^53−1")


@dataclass(frozen=True, slots=True)
class Converted:
    """``given`` became ``got``; ``remainder`` / ``rate.denominator`` of one unit is what rounding down left."""

    given: Money
    got: Money
    remainder: int
    rate: Rate

    def facts(self) -> Mapping[str, Any]:
        """Return what the entry keeps: the rate, the rounding, and who has what it left."""
        rate = self.rate
        return {
            "rate": {
                "from": rate.from_asset,
                "to": rate.to_asset,
                "numerator": rate.numerator,
                "denominator": rate.denominator,
            },
            "rounding": "down",
            "remainder": {"numerator": self.remainder, "denominator": rate.denominator, "party": REMAINDER_TO},
        }


def convert(amount: int, rate: Rate) -> Converted:
    """Compute a conversion exactly: ``got * denominator + remainder = amount * numerator``.

    Raises:
        ConversionTooSmall: nothing would come of it.
        ValueError: more than 2^53−1 would.
    """
    got, remainder = divmod(amount * rate.numerator, rate.denominator)
    if got == 0:
        raise ConversionTooSmall(
            f"{amount} {rate.from_asset} are worth less than one {rate.to_asset}.",
            amount=amount,
            least=-(-rate.denominator // rate.numerator),
        )
    return Converted(Money(amount, rate.from_asset), Money(got, rate.to_asset), remainder, rate)


def add_conversion(
    plan: Plan, *, customer_id: str, amount: int, rate: Rate, about: str, expires_at: int | None = None
) -> Converted:
    """Add a conversion within one customer's wallets to a plan, and return what it comes to.

    ``about`` is the business object that wants it. The new lot's ``payment`` names the entry, whose draws tell
    which lots, and so which payments, it came from; it is good until ``expires_at``.

    Raises:
        ConversionTooSmall: nothing would come of it. That the wallet holds enough shows in the commit.
    """
    converted = convert(amount, rate)
    given, got = converted.given, converted.got
    label = f"conversion {len(plan)}"
    entry_id = plan.entry(KIND, about=about, anchor=customer_id, facts=converted.facts(), label=label)
    terms = LotTerms(source="converted", payment=entry_id, expires_at=expires_at)
    plan.add(
        Spend(label, customer_id, given.currency, given.amount_minor, exchange(given.currency), label=label),
        Deposit(label, customer_id, got.currency, got.amount_minor, exchange(got.currency), terms),
    )
    return converted
