"""The customer state: one document that answers everything a client needs, and the entitlement check.

A state is cached with its version until ``fresh_until``, the next instant at which anything in it changes
by itself. The engine tells of every commit that moved a customer's version, so on one process a cached
state is never old; where others serve the database too, it is at most a second old, and never older than the
version that the caller has seen.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.accounts import wallet
from storefront.core.catalog import Catalogs, is_on_sale
from storefront.core.clock import LATEST_MS, Clock, iso
from storefront.core.commit.engine import CommitNotice
from storefront.core.commit.projection import entitlement_json, inventory_json, is_active, wallet_json
from storefront.core.customers import Customers
from storefront.core.leases import Lease, Leases
from storefront.core.metered import ACCOUNTS, PERIODS, describe_features, period_around, since
from storefront.core.reading import PointReader, Query, Reader, Row
from storefront.core.tables import accounts, anchors, entitlements, holds, item_instances, items, lots
from storefront.core.tables_freezes import debts, freezes

_ANCHOR = Query(select(anchors.c.version).where(anchors.c.id == bindparam("customer_id")))
_WALLETS = Query(
    select(accounts.c.asset).where(
        accounts.c.id >= bindparam("first"), accounts.c.id < bindparam("last"), accounts.c.role == "wallet"
    )
)
_LOTS = Query(select(lots).where(lots.c.account == bindparam("account"), lots.c.remaining > 0))
_HOLDS = Query(select(holds).where(holds.c.account == bindparam("account"), holds.c.state == "open"))
_FREEZES = Query(select(freezes).where(freezes.c.customer_id == bindparam("customer_id"), freezes.c.waiting != "[]"))
_DEBTS = Query(select(debts).where(debts.c.customer_id == bindparam("customer_id")))
_ITEMS = Query(select(items).where(items.c.customer_id == bindparam("customer_id"), items.c.quantity > 0))
_INSTANCES = Query(
    select(item_instances).where(
        item_instances.c.customer_id == bindparam("customer_id"), item_instances.c.taken_at.is_(None)
    )
)
_ENTITLEMENTS = Query(select(entitlements).where(entitlements.c.customer_id == bindparam("customer_id")))
_MOST_CACHED = 20_000
OLDEST_WHEN_SHARED_MS = 1_000


@dataclass(slots=True)
class CustomerState:
    """A customer's state at one version; ``document`` is what ``GET /v1/me`` answers, less the moment's own.

    ``lease`` is the last one that was signed of it.
    """

    version: int
    as_of: int
    read_at: int
    fresh_until: int | None
    document: Mapping[str, Any]
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class StatePart:
    """What a plugin adds to a state: ``subscriptions``, ``badges``; and when anything in it changes by itself (ms).

    ``rights`` says what the plugin knows of the rights that it sold: by a right's ``source.id`` its ``will_renew``,
    ``period`` (``normal``, ``trial``, ``grace``) and ``billing_issue_at``.
    """

    subscriptions: Sequence[Mapping[str, Any]] = ()
    badges: Sequence[str] = ()
    rights: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    instants: Sequence[int | None] = ()


AsksPlugins = Callable[[PointReader, str, int], Awaitable[Sequence[StatePart]]]


class CustomerStates:
    """Builds and caches states."""

    def __init__(
        self,
        reader: Reader,
        clock: Clock,
        customers: Customers,
        catalogs: Catalogs,
        *,
        leases: Leases,
        mode: str,
        is_shared: bool = False,
        ask_plugins: AsksPlugins | None = None,
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._customers = customers
        self._catalogs = catalogs
        self._leases = leases
        self._is_sandbox = mode == "sandbox"
        self._is_shared = is_shared
        self._ask_plugins = ask_plugins
        self._cached: OrderedDict[str, CustomerState] = OrderedDict()

    def on_commit(self, notice: CommitNotice) -> None:
        """Forget the states that a commit changed."""
        for anchor in notice.versions:
            self._cached.pop(anchor, None)

    async def get(self, customer_id: str, *, at_least: int = 0) -> CustomerState:
        """Return the present state; a cached one only while nothing in it can have changed.

        ``at_least`` is the last version that the caller has seen: nobody sees an older state again.
        """
        cached = self._cached.get(customer_id)
        if cached is not None and self._is_good(cached, at_least):
            return cached
        state = await self._read(customer_id)
        self._cached[customer_id] = state
        if len(self._cached) > _MOST_CACHED:
            self._cached.popitem(last=False)
        return state

    def _is_good(self, cached: CustomerState, at_least: int) -> bool:
        if cached.fresh_until is not None and self._clock.now() >= cached.fresh_until:
            return False
        if not self._is_shared:
            return True
        return cached.version >= at_least and self._clock.wall() - cached.read_at < OLDEST_WHEN_SHARED_MS

    async def check(self, customer_id: str, key: str, amount: int = 1, *, at_least: int = 0) -> dict[str, Any]:
        """Answer "may I?" for one right: ``{allowed, reason, required, remaining, resets_at, offers}``."""
        document = (await self.get(customer_id, at_least=at_least)).document
        feature = document["features"].get(key)
        if feature is not None:
            return _check_feature(feature, amount)
        right = document["entitlements"].get(key)
        if right is not None and right["active"]:
            value = right["value"]
            allowed = bool(value) if isinstance(value, bool | str) else value >= amount
            remaining = value if type(value) is int else None
            reason = right["reason"] if allowed else "not_enough"
            return {"allowed": allowed, "reason": reason, "required": amount, "remaining": remaining,
                    "resets_at": None, "value": value, "expires_at": right["expires_at"], "offers": []}  # fmt: skip
        known = key in self._catalogs.active.known_entitlements or right is not None
        reason = "unknown" if not known else (right["reason"] if right is not None else "not_owned")
        return {"allowed": False, "reason": reason, "required": amount, "remaining": None,
                "resets_at": None, "value": None, "expires_at": None, "offers": self._offers(key)}  # fmt: skip

    def _offers(self, key: str) -> list[str]:
        catalog, now = self._catalogs.active, self._clock.now()
        skus = catalog.entitlement_skus.get(key, ())
        return [sku for sku in skus if is_on_sale(catalog.offers[sku], now) and not catalog.offers[sku].hidden]

    async def _read(self, customer_id: str) -> CustomerState:
        now, read_at = self._clock.now(), self._clock.wall()
        external_id = await self._customers.external_id(customer_id)
        async with self._reader.snapshot() as reader:
            anchor = await reader.first(_ANCHOR, customer_id=customer_id)
            first = f"customer:{customer_id}:"
            assets = [row["asset"] for row in await reader.all(_WALLETS, first=first, last=first + "~")]
            owed = {row["asset"]: row for row in await reader.all(_DEBTS, customer_id=customer_id)}
            wallets = {asset: await _read_wallet(reader, wallet(customer_id, asset).id) for asset in assets}
            # A freeze takes over what holds give back: without a hold that may be over there is nothing to know.
            is_waiting = any(open_holds for _, open_holds in wallets.values())
            waiting = await reader.all(_FREEZES, customer_id=customer_id) if is_waiting else ()
            owned = await reader.all(_ITEMS, customer_id=customer_id)
            has_numbers = any(row["is_unique"] for row in owned)
            instances = await reader.all(_INSTANCES, customer_id=customer_id) if has_numbers else ()
            rights = await reader.all(_ENTITLEMENTS, customer_id=customer_id)
            used, accounts = await self._read_usage(reader, customer_id, now)
            parts = () if self._ask_plugins is None else await self._ask_plugins(reader, customer_id, now)
        version = 0 if anchor is None else anchor["version"]
        terms = {source: known for part in parts for source, known in part.rights.items()}
        by_key: dict[str, list[Row]] = {}
        for row in rights:
            by_key.setdefault(row["key"], []).append(row)
        shown = {asset: wallet_json(*found, now, waiting, debt=owed.get(asset)) for asset, found in wallets.items()}
        document = {
            "customer": external_id,
            "version": version,
            "entitlements": {
                key: {**right, **terms.get(right["source"]["id"], {})}
                for key, right in ((key, entitlement_json(sources, now)) for key, sources in by_key.items())
            },
            "features": self._features(used, accounts, shown, now),
            "wallets": shown,
            "items": inventory_json(owned, instances, now),
            "subscriptions": [one for part in parts for one in part.subscriptions],
            "badges": [badge for part in parts for badge in part.badges],
            "sandbox": self._is_sandbox,
        }
        instants = [row["expires_at"] for found in wallets.values() for rows in found for row in rows]
        instants += [row["expires_at"] for row in owned]
        instants += [row["expires_at"] for row in rights if is_active(row, now)]
        instants += [instant for part in parts for instant in part.instants]
        instants += [period_around(meter.period, now)[1] for meter in self._catalogs.active.meters.values()]
        coming = (instant for instant in instants if instant is not None and now < instant < LATEST_MS)
        fresh_until = min(coming, default=None)
        return CustomerState(version, now, read_at, fresh_until, document)

    async def _read_usage(self, reader: PointReader, customer_id: str, now: int) -> tuple[Sequence[Row], Sequence[Row]]:
        """Return the periods under way and the accounts of metered features; a shop without any reads nothing."""
        if not self._catalogs.active.usage:
            return (), ()
        used = await reader.all(PERIODS, customer_id=customer_id, since=since(now))
        return used, await reader.all(ACCOUNTS, customer_id=customer_id)

    def _features(
        self, used: Sequence[Row], accounts: Sequence[Row], wallets: Mapping[str, Any], now: int
    ) -> dict[str, Any]:
        catalog = self._catalogs.active
        if not catalog.usage:
            return {}
        available = {asset: 0 if one["block_spending"] else one["available"] for asset, one in wallets.items()}
        return describe_features(catalog.usage, catalog.meters, used, accounts, available=available, now=now)

    async def document(self, customer_id: str, *, at_least: int = 0) -> dict[str, Any]:
        """Return the state with the moment's own members: ``as_of``, ``fresh_until``, ``server_time``."""
        return self._told(await self.get(customer_id, at_least=at_least))

    async def leased(self, customer_id: str, *, at_least: int = 0) -> dict[str, Any]:
        """Return the same with ``lease``: the state signed, so that a client can go by it while it cannot ask."""
        state = await self.get(customer_id, at_least=at_least)
        told = self._told(state)
        if state.lease is None or state.lease.term != self._leases.term(customer_id):
            state.lease = self._leases.sign(customer_id, told)
        return {**told, "lease": None if state.lease is None else state.lease.token}

    def etag(self, customer_id: str, state: CustomerState) -> str:
        """Return what tells two answers of ``leased`` apart, but for the moments that they were given at."""
        return f'"{state.version}.{state.fresh_until or 0}.{self._leases.term(customer_id)}"'

    def _told(self, state: CustomerState) -> dict[str, Any]:
        return {
            **state.document,
            "as_of": iso(state.as_of),
            "fresh_until": None if state.fresh_until is None else iso(state.fresh_until),
            "server_time": iso(self._clock.wall()),
        }


def _check_feature(feature: Mapping[str, Any], amount: int) -> dict[str, Any]:
    """Answer "may I?" for a metered feature: what is left bounds it, if anything does."""
    remaining = feature["remaining"]
    allowed = remaining is None or remaining >= amount
    return {"allowed": allowed, "reason": "metered" if allowed else "exhausted", "required": amount,
            "remaining": remaining, "resets_at": feature["resets_at"], "value": None, "expires_at": None,
            "offers": []}  # fmt: skip


async def _read_wallet(reader: PointReader, account: str) -> tuple[Sequence[Row], Sequence[Row]]:
    """Return a wallet's open lots and open holds; holds pin lots, so without a pinned lot there is none."""
    open_lots = await reader.all(_LOTS, account=account)
    is_pinned = any(lot["held"] for lot in open_lots)
    return open_lots, await reader.all(_HOLDS, account=account) if is_pinned else ()
