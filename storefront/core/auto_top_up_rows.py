"""Automatic top-ups as rows: the terms a customer agreed to, each run, and how a purchase names the run it is for."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.accounts import wallet
from storefront.core.clock import DAY_MS
from storefront.core.commit.plan import Count, Key
from storefront.core.commit.reads import account_key
from storefront.core.errors import Refused
from storefront.core.reading import Query, Row
from storefront.core.tables import accounts, auto_top_up_runs, auto_top_ups
from storefront.core.tables_auto_top_ups import IS_OPEN

ON, WAITING, PAUSED, OFF = "on", "waiting", "paused", "off"
DUE, CHARGING, ACTION_REQUIRED, COMPLETED, FAILED = "due", "charging", "action_required", "completed", "failed"
OPEN = frozenset({DUE, CHARGING, ACTION_REQUIRED})
DAILY_CAP, DAILY_COUNT = "daily_cap_reached", "daily_count_reached"
COUNTED = "auto_top_up:"

TERMS = Query(
    select(auto_top_ups).where(
        auto_top_ups.c.customer_id == bindparam("customer_id"), auto_top_ups.c.asset == bindparam("asset")
    )
)
TERMS_OF_CUSTOMER = Query(
    select(auto_top_ups).where(auto_top_ups.c.customer_id == bindparam("customer_id")).order_by(auto_top_ups.c.asset)
)
RUN = Query(select(auto_top_up_runs).where(auto_top_up_runs.c.id == bindparam("id")))
LAST_RUN = Query(
    select(auto_top_up_runs)
    .where(auto_top_up_runs.c.customer_id == bindparam("customer_id"), auto_top_up_runs.c.asset == bindparam("asset"))
    .order_by(auto_top_up_runs.c.id.desc())
    .limit(1)
)
OPEN_RUN = Query(
    select(auto_top_up_runs).where(
        auto_top_up_runs.c.customer_id == bindparam("customer_id"),
        auto_top_up_runs.c.asset == bindparam("asset"),
        IS_OPEN,
    )
)
ARMED = Query(select(accounts.c.top_up_below).where(accounts.c.id == bindparam("account")))


class CannotTopUp(Refused):
    """``reason`` says why, in a word."""

    code = "cannot_top_up"
    title = "This wallet is not topped up by itself now"


class Link(NamedTuple):
    """How a purchase names what it is for: the run, and the asset of the wallet."""

    run: str
    asset: str

    @classmethod
    def of(cls, purchase: Mapping[str, Any]) -> "Link | None":
        """Return what a purchase tops up; None of one that somebody made."""
        told = purchase["auto_top_up"]
        return None if told is None else cls(**msgspec.json.decode(told))

    def to_text(self) -> str:
        return msgspec.json.encode(self._asdict()).decode()


def run_key(customer_id: str, link: Link) -> Key:
    return Key("auto_top_up_runs", (link.run,), customer_id)


def terms_key(customer_id: str, asset: str) -> Key:
    return Key("auto_top_ups", (customer_id, asset), customer_id)


def wallet_key(customer_id: str, asset: str) -> Key:
    return account_key(wallet(customer_id, asset), customer_id)


def next_day(now: int) -> int:
    """Return the next midnight UTC (ms)."""
    return (now // DAY_MS + 1) * DAY_MS


def spent_key(customer_id: str, asset: str, currency: str, at: int) -> str:
    """Return the counter of what top-ups of a wallet have cost in one UTC day, in minor units of ``currency``."""
    return f"{COUNTED}{customer_id}:{asset}:{currency}:{at // DAY_MS * DAY_MS}"


def times_key(customer_id: str, asset: str, at: int) -> str:
    """Return the counter of how often a wallet was topped up in one UTC day."""
    return f"{COUNTED}{customer_id}:{asset}:times:{at // DAY_MS * DAY_MS}"


def count_charged(
    purchase: Mapping[str, Any], asset: str, *, at_most: int | None = None, times: int | None = None, sign: int = 1
) -> Sequence[Count]:
    """Return the steps that count a top-up's purchase into its day; over what is agreed they refuse."""
    anchor, currency, at = purchase["customer_id"], purchase["currency"], purchase["created_at"]
    full = CannotTopUp(f"The day's {at_most} {currency} do not allow another top-up.", reason=DAILY_CAP)
    often = CannotTopUp(f"There were {times} top-ups today.", reason=DAILY_COUNT)
    return (
        Count(times_key(anchor, asset, at), anchor, sign, times, refusal=often),
        Count(spent_key(anchor, asset, currency, at), anchor, sign * purchase["total"], at_most, refusal=full),
    )


def run_event(run: Row, **more: Any) -> dict[str, Any]:
    """Return what an event tells of a run: our own ids only."""
    names = ("id", "customer_id", "asset", "purchase_id")
    return {**{name: run[name] for name in names}, **more}
