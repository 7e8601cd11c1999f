"""What is on sale: a catalog version is a document named by its hash, stored before it is active.

Every purchase names the version it was priced by, so versions are never deleted. Processes follow the
active version from the database, not from their own disk. Secrets are no part of the document.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import iso4217
import msgspec
from sqlalchemy import bindparam, select

from storefront.core.clock import Clock, to_datetime
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import SHOP_ANCHOR, Change, Insert, Plan
from storefront.core.config.currencies import real_currencies
from storefront.core.config.model import Asset as VirtualAsset
from storefront.core.config.model import Config, Entitlement, Offer
from storefront.core.config.model_experiments import Experiment
from storefront.core.config.model_promos import PromoCode, Referrals
from storefront.core.config.model_tax import Tax
from storefront.core.config.model_usage import Charge, Meter
from storefront.core.errors import Invalid, StorefrontError
from storefront.core.experimenting import add_variants
from storefront.core.kinds import OfferKind
from storefront.core.money import Asset, AssetKind
from storefront.core.reading import Query, Reader
from storefront.core.tables import catalog_versions, experiment_variants, settings

_VERSION = Query(select(catalog_versions.c.document).where(catalog_versions.c.hash == bindparam("hash")))
_VARIANTS = Query(select(experiment_variants))
_ACTIVE = Query(select(settings.c.value).where(settings.c.key == "active_catalog"))


class UnknownOffer(Invalid):
    code = "unknown_offer"
    title = "There is no such offer"


class CatalogMissing(StorefrontError):
    code = "catalog_missing"
    title = "A catalog version that the books name is not stored"


@dataclass(frozen=True, slots=True)
class CatalogDocument:
    """The stored form: the configuration's parts that decide what is sold and for how much."""

    default_language: str
    assets: Mapping[str, VirtualAsset]
    offers: Mapping[str, Offer]
    entitlements: Mapping[str, Entitlement]
    tax: Tax | None = None
    promo_codes: Mapping[str, PromoCode] = field(default_factory=dict)
    referrals: Referrals | None = None
    meters: Mapping[str, Meter] = field(default_factory=dict)
    usage: Mapping[str, Charge] = field(default_factory=dict)
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    creators: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalog:
    """One version in memory. ``variants``: sku -> (experiment, variant), where it is priced for one customer.

    ``meters_by_type`` is event type → (key, meter), ``charges_by_meter`` the meter's key → what it costs. ``creators``
    are what creators' own files say, as the schema of the plugin that claims them accepted it.
    """

    version: str
    default_language: str
    assets: Mapping[str, VirtualAsset]
    offers: Mapping[str, Offer]
    entitlement_skus: Mapping[str, tuple[str, ...]]
    known_entitlements: frozenset[str] = field(default_factory=frozenset)
    tax: Tax | None = None
    edges: tuple[int, ...] = ()
    """When windows of offers and sales open or close: business ms, in order."""
    has_country_prices: bool = False
    promo_codes: Mapping[str, PromoCode] = field(default_factory=dict)
    referrals: Referrals | None = None
    meters: Mapping[str, Meter] = field(default_factory=dict)
    usage: Mapping[str, Charge] = field(default_factory=dict)
    meters_by_type: Mapping[str, tuple[tuple[str, Meter], ...]] = field(default_factory=dict)
    charges_by_meter: Mapping[str, Charge] = field(default_factory=dict)
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    variants: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    creators: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def offer(self, sku: str) -> Offer:
        """Return an offer; raises ``UnknownOffer``."""
        try:
            return self.offers[sku]
        except KeyError:
            raise UnknownOffer(f"There is no offer called {sku}.", sku=sku) from None

    def asset(self, code: str) -> Asset:
        """Return a virtual asset of this catalog or a real currency."""
        virtual = self.assets.get(code)
        if virtual is not None:
            return Asset(code, AssetKind.VIRTUAL, virtual.exponent)
        return Asset(code, AssetKind.REAL, iso4217.Currency(code).exponent or 0)

    def exponent(self, code: str) -> int:
        """Return how many decimals an asset has; none, if it was the shop's own and has left the YAML."""
        virtual = self.assets.get(code)
        return real_currencies().get(code, 0) if virtual is None else virtual.exponent

    def is_virtual(self, code: str) -> bool:
        return code in self.assets


def document_of(config: Config, *, before: Mapping[str, Mapping[str, Any]] | None = None) -> tuple[str, str]:
    """Return the configuration's catalog as (hash, JSON); ``before`` are the creators as they stand, of whom those that
    the configuration refuses stay so."""
    skipped = set(config.skipped_offers)
    document = CatalogDocument(
        default_language=config.shop.default_language,
        assets=config.assets,
        offers={sku: offer for sku, offer in config.offers.items() if sku not in skipped},
        entitlements=config.entitlements,
        tax=config.tax,
        promo_codes=config.promo_codes,
        referrals=config.referrals,
        meters=config.meters,
        usage=config.usage,
        experiments=config.experiments,
        creators=_creators_of(config, before or {}),
    )
    # The order of the YAML is kept: it is the order of the shelves.
    return _named(document)


def _creators_of(
    config: Config, before: Mapping[str, Mapping[str, Any]], keep: Collection[str] = ()
) -> Mapping[str, Mapping[str, Any]]:
    claimed: Any = config.claimed.get("creators", {})
    stay = {*config.refused_creators, *keep}
    gone = {name: one for name, one in before.items() if name in keep and name not in claimed}
    told = {name: before.get(name) if name in stay else one for name, one in claimed.items()}
    return {name: one for name, one in {**told, **gone}.items() if one is not None}


def _named(document: CatalogDocument) -> tuple[str, str]:
    body = msgspec.json.encode(document)
    return "cat_" + hashlib.sha256(body).hexdigest()[:40], body.decode()


def load_catalog(version: str, document: str) -> Catalog:
    """Build a catalog from its stored document."""
    parsed = msgspec.json.decode(document, type=CatalogDocument)
    granting: dict[str, list[str]] = {}
    for sku, offer in parsed.offers.items():
        for key in offer.grants:
            granting.setdefault(key, []).append(sku)
    known = frozenset(granting) | frozenset(parsed.entitlements)
    skus = {key: tuple(found) for key, found in granting.items()}
    offers = parsed.offers
    by_type: dict[str, tuple[tuple[str, Meter], ...]] = {}
    for meter in parsed.meters.values():
        by_type[meter.event_type] = (*by_type.get(meter.event_type, ()), (meter.key, meter))
    return Catalog(
        version,
        parsed.default_language,
        parsed.assets,
        offers,
        skus,
        known,
        parsed.tax,
        edges=_edges(offers.values(), parsed.experiments.values()),
        has_country_prices=any(price.countries for offer in offers.values() for price in offer.listed),
        experiments=parsed.experiments,
        promo_codes=parsed.promo_codes,
        referrals=parsed.referrals,
        meters=parsed.meters,
        usage=parsed.usage,
        meters_by_type=by_type,
        charges_by_meter={parsed.meters[charge.meter].key: charge for charge in parsed.usage.values()},
        creators=parsed.creators,
    )


def _edges(offers: Iterable[Offer], experiments: Iterable[Experiment]) -> tuple[int, ...]:
    ends: list[datetime | None] = []
    for offer in offers:
        ends += [offer.available.from_, offer.available.until]
        ends += [end for sale in offer.sales for end in (sale.from_, sale.until)]
    for one in experiments:
        ends += [one.from_, one.until]
    return tuple(sorted({int(end.timestamp() * 1000) for end in ends if end is not None}))


class Catalogs:
    """The active catalog, and older versions on demand."""

    def __init__(self, reader: Reader, kinds: Mapping[str, OfferKind]) -> None:
        self._reader = reader
        self.kinds = kinds
        self._loaded: dict[str, Catalog] = {}
        self._active: Catalog | None = None

    @property
    def active(self) -> Catalog:
        assert self._active is not None, "a catalog is activated before the shop opens"
        return self._active

    async def version(self, version: str) -> Catalog:
        """Return any stored version; raises ``CatalogMissing``."""
        known = self._loaded.get(version)
        if known is None:
            row = await self._reader.first(_VERSION, hash=version)
            if row is None:
                raise CatalogMissing(version)
            known = self._loaded[version] = load_catalog(version, row["document"])
        return known

    def take(self, config: Config) -> None:
        """Where no catalog is active (a shell without a server), look at the configuration's; nothing is stored."""
        if self._active is None:
            self._active = load_catalog(*document_of(config))

    async def follow(self) -> bool:
        """Switch to the version that the database says is active; tell whether it changed."""
        row = await self._reader.first(_ACTIVE)
        if row is None or (self._active is not None and self._active.version == row["value"]):
            return False
        self._active = await self.version(row["value"])
        return True

    async def activate(self, config: Config, engine: CommitEngine, clock: Clock, *, actor: str) -> bool:
        """Store the configuration's catalog and make it the active one; tell whether anything changed.

        Raises:
            ExperimentChanged: a variant of an experiment was renamed or priced anew; nothing was changed.
        """
        active = await self._reader.first(_ACTIVE)
        present = None if active is None else await self.version(active["value"])
        version, document = document_of(config, before=None if present is None else present.creators)
        if active is None or active["value"] != version:
            plan = Plan(actor=actor, anchors={SHOP_ANCHOR})
            row = {"hash": version, "document": document, "stored_at": clock.wall()}
            plan.add(Insert("catalog_versions", (version,), None, row, once=True))
            plan.add(_set("active_catalog", version))
            add_variants(plan, config.experiments, await self._reader.all(_VARIANTS), clock.now())
            plan.emit("catalog.activated", anchor=SHOP_ANCHOR, subject=version, payload={"version": version})
            await engine.commit(plan)
        return await self.follow()

    def changed_creators(self, config: Config) -> set[str]:
        """Return the creators of whom a configuration says something else than the active version, or nothing."""
        before, after = self.active.creators, _creators_of(config, self.active.creators)
        return {name for name in {*before, *after} if before.get(name) != after.get(name)}

    async def replace_creators(
        self, config: Config, engine: CommitEngine, clock: Clock, *, actor: str, keep: Collection[str] = ()
    ) -> bool:
        """Make a version active that is the present one but for the configuration's creators; tell if it is new.

        Those in ``keep`` stay as they are.

        Raises:
            Stale: another version became active meanwhile; nothing was changed.
        """
        active = await self._reader.first(_ACTIVE)
        assert active is not None, "a catalog is activated before the shop opens"
        stored = await self._reader.first(_VERSION, hash=active["value"])
        assert stored is not None, "an active version is stored"
        present = msgspec.json.decode(stored["document"], type=CatalogDocument)
        version, document = _named(replace(present, creators=_creators_of(config, present.creators, keep)))
        if version == active["value"]:
            return False
        plan = Plan(actor=actor, anchors={SHOP_ANCHOR})
        row = {"hash": version, "document": document, "stored_at": clock.wall()}
        plan.add(Insert("catalog_versions", (version,), None, row, once=True))
        seen = {"value": active["value"]}
        plan.add(Change("settings", ("active_catalog",), SHOP_ANCHOR, seen, {"value": version}))
        plan.emit("catalog.activated", anchor=SHOP_ANCHOR, subject=version, payload={"version": version})
        await engine.commit(plan)
        await self.follow()
        return True


def _set(key: str, value: str) -> Insert:
    return Insert("settings", (key,), SHOP_ANCHOR, {"key": key, "value": value}, replace=True)


def is_on_sale(offer: Offer, now: int) -> bool:
    """Tell whether ``now`` (business ms) lies in the offer's half-open window."""
    moment = to_datetime(now)
    starts, ends = offer.available.from_, offer.available.until
    return (starts is None or starts <= moment) and (ends is None or moment < ends)


def text_in(texts: Mapping[str, str] | None, language: str | None, default: str) -> str | None:
    """Return a text in a language, else in its base language (``de`` for ``de-AT``), else in the default."""
    if texts is None:
        return None
    wanted = language or default
    return texts.get(wanted) or texts.get(wanted.split("-")[0]) or texts.get(default) or next(iter(texts.values()))


def describe_offer(
    offer: Offer,
    catalog: Catalog,
    kind: OfferKind,
    *,
    prices: Sequence[Mapping[str, Any]],
    left: Sequence[int | None],
    language: str | None = None,
) -> dict[str, Any]:
    """Describe an offer as ``GET /v1/catalog`` shows it; ``left`` says for each limit how many more it admits."""
    default = catalog.default_language
    starts, ends = offer.available.from_, offer.available.until
    return {
        "sku": offer.sku,
        "kind": offer.kind,
        "title": text_in(offer.title, language, default),
        "description": text_in(offer.description, language, default),
        "picture": offer.picture,
        "prices": prices,
        "exact": None if offer.exact is None else {"min": offer.exact.min, "max": offer.exact.max},
        "limits": [
            {"per": limit.per, "count": limit.count, "window": limit.window} | ({} if more is None else {"left": more})
            for limit, more in zip(offer.limits, left, strict=True)
        ],
        "grants": dict(offer.grants),
        "available_from": None if starts is None else starts.isoformat(),
        "available_until": None if ends is None else ends.isoformat(),
        "featured": offer.featured,
        "badge": text_in(offer.badge, language, default),
        "tax_class": offer.tax_class,
        "metadata": dict(offer.metadata),
        **kind.describe(offer),
    }
