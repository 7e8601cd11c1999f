"""Creators as their own files describe them: what they take, and which tier a tip is of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.catalog import Catalog
from storefront.core.commit.plan import Insert, Plan
from storefront.core.errors import FieldError, Invalid, NotFound
from storefront.core.ids import new_id
from storefront.core.money import MAX_AMOUNT, Money
from storefront.core.quotes import refuse_out_of_range
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_fanfunding.admitting import LINKS, WORDS
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creator_schema import MOST_CHARACTERS, ON_SETTLED
from storefront_fanfunding.tables import creators
from storefront_fanfunding.wording import has_link, has_word

_BY_NAME = Query(select(creators).where(creators.c.name == bindparam("name")))
_BY_ID = Query(select(creators).where(creators.c.id == bindparam("id")))
Rates = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Tiered:
    """Which tier a tip is of (None: none), how long its message may be, and what it gives: SKU -> how many."""

    tier: str | None
    max_chars: int
    grants: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Creator:
    """One creator of one catalog version; ``told`` is what their file says."""

    name: str
    told: Mapping[str, Any]
    catalog: Catalog
    settings: Settings

    @property
    def shown_name(self) -> str:
        """What they are called."""
        return str(self.told.get("name", self.name))

    @property
    def tips(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.told.get("tips", {})
        return found

    @property
    def tiers(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self.tips.get("tiers", ())
        return found

    def least(self) -> dict[str, int]:
        """Return in what tips are taken -> the least, in minor units; empty: this creator takes none."""
        said: Mapping[str, int] = self.tips.get("min", {})
        allowed = self.settings.terms(self.name).currencies
        found = {code: amount for code, amount in said.items() if allowed is None or code in allowed}
        for code in sorted((allowed or frozenset()) - set(said)):
            amount = self.needed_for(said, code)
            if amount is not None:
                found[code] = amount
        return found

    def needed_for(self, minimum: Mapping[str, int], code: str) -> int | None:
        """Return what a minimum comes to in a currency, in minor units, rounded up; None where no rate leads there."""
        amount = self._needed(code, minimum)
        return None if amount is None else max(1, -(-amount.numerator // amount.denominator))

    def check(self, price: Money) -> None:
        """Refuse what this creator does not take; raises ``Invalid``, ``AmountOutOfRange``."""
        least = self.least()
        if price.currency not in least:
            takes = f"must be one of {', '.join(least)}" if least else "is not taken: this creator takes no tips"
            raise Invalid("Tips are not taken in that.", errors=[FieldError("/amount/currency", takes)])
        most = self.tips.get("max", {}).get(price.currency, MAX_AMOUNT)
        refuse_out_of_range(price.amount_minor, least[price.currency], most, price.currency)

    def tier_of(self, price: Money) -> Tiered:
        """Return the highest tier whose minimum a tip reaches; of equal ones the last."""
        best: tuple[Fraction, Mapping[str, Any]] | None = None
        for tier in self.tiers:
            needed = self._needed(price.currency, tier["min"])
            if needed is not None and needed <= price.amount_minor and (best is None or needed >= best[0]):
                best = needed, tier
        lengths = [tier.get("max_chars", MOST_CHARACTERS) for tier in self.tiers]
        if best is None:
            return Tiered(None, min(lengths, default=MOST_CHARACTERS))
        return Tiered(best[1]["id"], best[1].get("max_chars", MOST_CHARACTERS), best[1].get("grants", {}))

    @property
    def max_per_minute(self) -> int | None:
        """Of how many tips of one sender the alerts come on screen within a minute; None: of all."""
        found: int | None = self.told.get("moderation", {}).get("max_per_minute")
        return found

    @property
    def shows_settled(self) -> bool:
        """Whether a tip comes on screen once its money is settled, not as soon as it is paid."""
        return bool(self.told.get("alerts", {}).get("show") == ON_SETTLED)

    def holds_for(self, name: str, message: str) -> str | None:
        """Return why a tip waits to be read before it is shown (``links``, ``words``), or None."""
        told = self.told.get("moderation", {})
        text = f"{name} {message}"
        if LINKS in told.get("hold", ()) and has_link(text):
            return LINKS
        return WORDS if has_word(text, told.get("block_words", [])) else None

    def _needed(self, code: str, minimum: Mapping[str, int]) -> Fraction | None:
        """Return what a minimum comes to in a currency, in minor units; None where no rate leads there."""
        if code in minimum:
            return Fraction(minimum[code])
        rates = self.settings.rates.get(code, {})
        for other, amount in minimum.items():
            if Fraction(rates.get(other, 0)) > 0:
                digits = self.catalog.asset(code).exponent - self.catalog.asset(other).exponent
                return Fraction(amount) / Fraction(rates[other]) * Fraction(10) ** digits
        return None


def all_creators(services: Services, settings: Settings) -> list[Creator]:
    """Return the creators of the version that is on sale, in the order of their files."""
    catalog = services.catalogs.active
    return [Creator(name, told, catalog, settings) for name, told in catalog.creators.items()]


def need_creator(services: Services, settings: Settings, name: str) -> Creator:
    """Return a creator; raises ``NotFound``."""
    catalog = services.catalogs.active
    if name not in catalog.creators:
        raise NotFound("There is no such creator.")
    return Creator(name, catalog.creators[name], catalog, settings)


async def find_creator_id(services: Services, name: str) -> str | None:
    """Return our id of a creator; None before anybody has tipped them."""
    row = await services.reader.first(_BY_NAME, name=name)
    return None if row is None else str(row["id"])


async def creator_id(services: Services, name: str) -> str:
    """Return our id of a creator, which stands in the books; it is given once. Safe to race."""
    found = await find_creator_id(services, name)
    if found is None:
        anchor = f"fanfunding:named:{name}"
        plan = Plan(actor="plugin:fanfunding", anchors={anchor})
        row = {"name": name, "id": new_id("cre"), "created_at": services.clock.now()}
        plan.add(Insert("fanfunding_creators", (name,), anchor, row, once=True))
        await services.engine.commit(plan)
        found = await find_creator_id(services, name)
    assert found is not None, "it was written, by this request or by another"
    return found


async def creator_name(services: Services, identity: str) -> str:
    """Return what the YAML calls a creator; raises ``NotFound``."""
    row = await services.reader.first(_BY_ID, id=identity)
    if row is None:
        raise NotFound("There is no such creator.")
    return str(row["name"])
