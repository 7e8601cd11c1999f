"""What gateways report feeds the lists: whom a bank warns of, and whose payment it disputes."""

from collections import deque
from contextlib import suppress

import msgspec
from sqlalchemy import bindparam, func, or_, select

from storefront.core.commit.engine import CommitNotice
from storefront.core.commit.plan import Plan
from storefront.core.errors import NotFound
from storefront.core.events import Cursor, Event
from storefront.core.purchasing import read_payment
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import events
from storefront_fraud.attributes import Stage
from storefront_fraud.config import REPORTED, Settings
from storefront_fraud.judging import DECISION
from storefront_fraud.lists import anchor_of, put_on
from storefront_fraud.tables import list_entries

WARNED = "payment.fraud_warning"
DISPUTED = "purchase.dispute_"
_REPORTED_IN = frozenset({"reversals", "inbox", "claims", "alarms"})
"""Tables that a commit which tells of a report writes, too."""
_MOST_COMMITS = 10_000
_CLOSED_WELL = ("won", "prevented", "closed", "canceled", "failed")
_ENTRY = Query(
    select(list_entries.c.expires_at).where(
        list_entries.c.list == bindparam("list"), list_entries.c.value == bindparam("value")
    )
)


_REPORTS = or_(events.c.type == WARNED, events.c.type.startswith(DISPUTED))
_IN_COMMIT = Query(select(events.c.id).where(events.c.commit_no == bindparam("commit_no"), _REPORTS).limit(1))


class FirstReport:
    """Finds the first report of a gateway; before there is one, no event is read for this plugin."""

    def __init__(self) -> None:
        self._has_looked = False
        self._commits: deque[int] = deque(maxlen=_MOST_COMMITS)

    def on_commit(self, notice: CommitNotice) -> None:
        if not notice.tables.isdisjoint(_REPORTED_IN):
            self._commits.append(notice.commit_no)

    async def find(self, services: Services) -> Cursor | None:
        """Return the cursor behind which the reports are; None as long as there is none."""
        if not self._has_looked:
            (row,) = await services.reader.scan(select(func.min(events.c.commit_no).label("first")).where(_REPORTS))
            self._has_looked = True
            if row["first"] is not None:
                return (row["first"], "", 0)
        while self._commits:
            commit_no = self._commits.popleft()
            if await services.reader.first(_IN_COMMIT, commit_no=commit_no) is not None:
                return (commit_no, "", 0)
        return None


async def latest(services: Services) -> Cursor | None:
    """Return the cursor of what comes from now on; None of a shop in which nothing has happened."""
    (row,) = await services.reader.scan(select(func.max(events.c.commit_no).label("last")))
    return None if row["last"] is None else (row["last"], "", 0)


async def report_on_lists(services: Services, settings: Settings, event: Event) -> None:
    """Put customer, card and address of a reported payment on the lists ``reported_…``; safe to be told twice."""
    if event.type == WARNED:
        why = "fraud warning"
    elif event.type.startswith(DISPUTED) and not event.type.endswith(_CLOSED_WELL):
        why = "dispute"
    else:
        return
    purchase_id = str(event.data.get("purchase_id") or event.subject)
    found = await known_of(services, purchase_id, event.anchor)
    expires_at = event.occurred_at + settings.reported_ms
    plan = Plan(actor="plugin:fraud", anchors={anchor_of(name) for name in found})
    for name, value in found.items():
        await put_longer(services, plan, name, value, reason=f"{why}: {purchase_id}", now=event.occurred_at,
                         expires_at=expires_at)  # fmt: skip
    if plan.list:
        await services.engine.commit(plan)


async def put_longer(
    services: Services, plan: Plan, name: str, value: str, *, reason: str, now: int, expires_at: int
) -> None:
    """Put a value on a list until then; one that is on it for longer, or for good, stays as it is."""
    row = await services.reader.first(_ENTRY, list=name, value=value)
    if row is None or (row["expires_at"] is not None and row["expires_at"] < expires_at):
        put_on(plan, name, value, reason=reason, actor=plan.actor, now=now, expires_at=expires_at)


async def known_of(services: Services, purchase_id: str, customer_id: str) -> dict[str, str]:
    """Return list -> value of what is known of a purchase: its customer, card and address."""
    customers, cards, addresses = REPORTED
    found: dict[str, str] = {}
    with suppress(NotFound):  # a warning may hang under something else than a customer
        found[customers] = await services.customers.external_id(customer_id)
    payment = await read_payment(services, purchase_id)
    if payment is not None:
        fingerprint = msgspec.json.decode(payment["card"]).get("fingerprint")
        if isinstance(fingerprint, str) and fingerprint:
            found[cards] = fingerprint
    decision = await services.reader.first(DECISION, purchase_id=purchase_id, stage=Stage.PURCHASE)
    if decision is not None:
        address = msgspec.json.decode(decision["attributes"]).get("ip.address")
        if isinstance(address, str):
            found[addresses] = address
    return found
