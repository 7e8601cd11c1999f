"""The wallet economy of one virtual currency: where it comes from, where it goes, and what players hold."""

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from itertools import accumulate

from storefront.core.analytics.earning import source_of
from storefront.core.analytics.members import date_of
from storefront.core.analytics.metrics import INTO_WALLETS, ISSUED, OUT_OF_WALLETS, SPENT
from storefront.core.analytics.periods import Period
from storefront.core.analytics.shapes import Link, Part, WalletDay, WalletFlow, link, part_of
from storefront.core.analytics.sums import Rollups
from storefront.core.reading import Row
from storefront.core.services import Services

MEMBERSHIPS = "memberships"


async def wallet_assets(services: Services, rollups: Rollups) -> list[str]:
    """Return the shop's own currencies: those that are used, the most frequent first, then the others on sale."""
    used = [*await rollups.assets(SPENT), *await rollups.assets(ISSUED)]
    return list(dict.fromkeys([*used, *sorted(services.catalogs.active.assets)]))


async def read_wallet(services: Services, rollups: Rollups, asset: str | None, period: Period) -> WalletFlow | None:
    """Return what came into the wallets of a currency and went out of them; None where there is no such currency."""
    if asset is None:
        return None
    metrics = (*INTO_WALLETS, *OUT_OF_WALLETS)
    held_before = sum(map(signed, await rollups.sums(metrics, asset, Period(0, period.first - 1))))
    by_day = await rollups.sums(metrics, asset, period, by=("day",))
    into, out_of = Counter[int](), Counter[int]()
    for row in by_day:
        (into if row["metric"] in INTO_WALLETS else out_of)[row["day"]] += row["amount"]
    held = accumulate((into[day] - out_of[day] for day in period.each()), initial=held_before)
    next(held)
    days = [
        WalletDay(date_of(day), into[day], out_of[day], stands) for day, stands in zip(period.each(), held, strict=True)
    ]
    moved = await rollups.sums(metrics, asset, period, by=("kind", "part"))
    sources, sinks = ([row for row in moved if row["metric"] in of] for of in (INTO_WALLETS, OUT_OF_WALLETS))
    return WalletFlow(
        asset=asset,
        days=days,
        into=into.total(),
        out_of=out_of.total(),
        held=days[-1].held,
        held_before=held_before,
        sources=_parts(services, sources, asset, period),
        sinks=_parts(services, sinks, asset, period),
    )


def signed(row: Row) -> int:
    """Return by how much a sum changes what players hold."""
    return int(row["amount"]) if row["metric"] in INTO_WALLETS else -int(row["amount"])


def name_of(services: Services, row: Row) -> str:
    """Name a source or sink: what was issued by the credits' own source, what was spent by the kind of what it bought.

    What a membership brings is told apart from what was bought by itself.
    """
    metric, kind = row["metric"], row["kind"]
    if metric == ISSUED:
        is_of_membership = source_of(services, kind) == MEMBERSHIPS
        return MEMBERSHIPS if is_of_membership or kind.startswith("subscription.") else row["part"] or kind
    return kind if metric == SPENT else str(metric)


def _parts(services: Services, rows: Sequence[Row], asset: str, period: Period) -> list[Part]:
    amounts, counts, kinds = Counter[str](), Counter[str](), defaultdict[str, set[tuple[str, str]]](set)
    for row in rows:
        name = name_of(services, row)
        amounts[name] += row["amount"]
        counts[name] += row["count"]
        kinds[name].add((row["metric"], row["kind"]))
    total = amounts.total()
    return [
        part_of(name, amount, counts[name], total, _link(services, kinds[name], asset, period))
        for name, amount in amounts.most_common()
    ]


def _link(services: Services, moved: Set[tuple[str, str]], asset: str, period: Period) -> Link:
    """Return where to see what a sum is made of: the purchases that paid in the currency, or that brought it.

    What no single kind of purchase brought (grants, returns, all that lapsed) stands in the customers' wallets alone.
    """
    [(metric, kind), *others] = moved
    if metric not in (SPENT, ISSUED) or others or kind not in services.kinds:
        return link("wallets", asset=asset)
    paid_in = {"currency": asset} if metric == SPENT else {}
    return link("purchases", period, kind=kind, **paid_in)
