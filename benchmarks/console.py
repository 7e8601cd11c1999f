"""The console of a large shop: what its pages take, each beside a plain page that reads nothing of the shop's.

The shop runs in this process, at the business time at which its ledger ends; somebody of the role ``support`` asks.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Select, func, select

from benchmarks.bulk import BEGAN_AT, external_id
from benchmarks.bulk_sales import ENDPOINTS, RARE_CARD
from benchmarks.plans import shop_environment
from storefront.app import PARTS, create_app
from storefront.core.clock import Clock
from storefront.core.ids import new_id
from storefront.core.operators.people import add_operator
from storefront.core.operators.roles import OperatorRole
from storefront.core.operators.signing_in import make_link
from storefront.core.services import Services
from storefront.core.tables import entries, payments, purchases
from storefront.plugins import load

WITH_PLUGINS = Path(__file__).parent / "console.yaml"
PLAIN_PAGE = "/console/sign-in"
OVERVIEW = "/console"
_URL = "http://127.0.0.1:1"
REQUESTS, SLOW_MS, SLOW_REQUESTS = 40, 1_000, 3
Client = TestClient[web.Request, web.Application]


@dataclass(slots=True)
class Took:
    """What requests for one page took, in ms: of the processor (client and server together), and of the clock."""

    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def processor_p50(self) -> float:
        return statistics.median(self.processor)

    @property
    def p50(self) -> float:
        return statistics.median(self.wall)

    @property
    def p99(self) -> float:
        return sorted(self.wall)[min(len(self.wall) - 1, int(len(self.wall) * 0.99))]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at the console of a running shop; ``pages`` are what they look at, by what it is called."""

    client: Client
    pages: Mapping[str, str]

    async def look(self, path: str) -> Took:
        """Ask for a page again and again; of one that takes very long, a few times."""
        took = Took()
        await self._get(path)
        while len(took.wall) < REQUESTS:
            processor, wall = time.process_time(), time.perf_counter()
            await self._get(path)
            took.processor.append((time.process_time() - processor) * 1_000)
            took.wall.append((time.perf_counter() - wall) * 1_000)
            if len(took.wall) == SLOW_REQUESTS and took.p50 > SLOW_MS:
                break
        return took

    async def _get(self, path: str) -> None:
        async with self.client.get(path, allow_redirects=False) as answer:
            assert answer.status == 200, f"{path}: {answer.status} {(await answer.text())[:300]}"
            await answer.read()


@asynccontextmanager
async def visiting(data: Path, *, postgres: str | None = None) -> AsyncIterator[Visitor]:
    """Run the shop in ``data`` at the time of its newest entry, and sign somebody in to its console."""
    now = [BEGAN_AT]
    host = load(WITH_PLUGINS, shop_environment(data, postgres))
    app = create_app(host, own_url=_URL, clock=Clock(lambda: now[0]))
    async with TestClient(TestServer(app)) as client:
        services = app[PARTS].services
        newest = select(entries.c.occurred_at.label("found")).order_by(entries.c.commit_no.desc()).limit(1)
        now[0] = int(await _one(services, newest)) + 1
        login = f"{new_id('support')}@example.com"
        await add_operator(services, login, OperatorRole.SUPPORT, actor="operator:shell")
        _, code, _ = await make_link(services, login, actor="operator:shell")
        async with client.post("/console/sign-in/link", data={"code": code}, headers={"Origin": _URL}) as answer:
            assert answer.status == 200, await answer.text()
        yield Visitor(client, await _pages(services))


async def _pages(services: Services) -> dict[str, str]:
    """Return the pages, with searches for what is rare, old, or not there."""
    count = await _one(services, select(func.count().label("found")).select_from(payments))
    middle = select(payments.c.gateway_payment.label("found")).order_by(payments.c.id).offset(int(count) // 2).limit(1)
    oldest = await _one(services, select(func.min(purchases.c.id).label("found")))
    newest = await _one(services, select(func.max(payments.c.purchase_id).label("found")))
    entry = await _one(services, select(func.min(entries.c.id).label("found")))
    loyal, bought = await services.customers.find(external_id(0)), "/console/purchases"
    searches = {
        "by a card's last four": "q=4250",
        "by a rare card's last four": f"q={RARE_CARD}",
        "by a card that nobody has": "q=9999",
        "by a gateway's id": f"q={await _one(services, middle)}",
        "of a customer of many": f"q={external_id(0)}",
        "further down": f"after={newest}",
        "completed": "status=completed",
        "in review": "status=in_review",
        "that are disputed": "trouble=disputed",
        "that were refunded": "trouble=refunded",
        "of an item that nobody buys": "sku=sword-of-dawn",
        "in a currency that nobody pays": "currency=GBP",
        "of a source that sold nothing": "source=memberships",
        "of the last day": "span=24h",
        "of one day, long ago": "from=2023-11-16T00:00:00Z&to=2023-11-17T00:00:00Z&currency=USD",
        "of a day before all": "from=2020-11-16T00:00:00Z&to=2020-11-17T00:00:00Z",
    }
    return {
        "overview": OVERVIEW,
        "overview of 12 months": f"{OVERVIEW}?span=12m",
        "purchases": bought,
        **{f"purchases {words}": f"{bought}?{query}" for words, query in searches.items()},
        "a purchase": f"{bought}/{oldest}",
        "customers": "/console/customers",
        "customers by the beginning of an id": "/console/customers?q=bulk-77",
        "customers by an id that nobody has": "/console/customers?q=nobody",
        "a customer of many purchases": f"/console/customers/{loyal}",
        "their wallet": f"/console/customers/{loyal}/wallets/gems",
        "wallets": "/console/wallets",
        "webhooks": "/console/webhooks",
        "webhooks, what is set aside": "/console/webhooks?inbox=quarantined",
        "an endpoint": f"/console/webhooks/{ENDPOINTS[0]}",
        "an endpoint, what was given up": f"/console/webhooks/{ENDPOINTS[0]}?state=dead",
        "books": "/console/books",
        "an entry": f"/console/books/{entry}",
        "memberships": "/console/memberships",
        "memberships that moved": "/console/memberships?movement=any",
        "creators": "/console/creators",
        "fraud": "/console/fraud",
        "review queue": "/console/review",
        "audit trail": "/console/settings/audit-trail",
        "settings": "/console/settings",
    }


async def _one(services: Services, statement: Select[Any]) -> str:
    return str((await services.reader.scan(statement))[0]["found"])


def visit(data: Path, *, postgres: str | None = None) -> tuple[Took, dict[str, Took]]:
    """Return what a plain page takes, and what each page of the console does."""

    async def of_all() -> tuple[Took, dict[str, Took]]:
        async with visiting(data, postgres=postgres) as visitor:
            plain = await visitor.look(PLAIN_PAGE)
            return plain, {name: await visitor.look(path) for name, path in visitor.pages.items()}

    return asyncio.run(of_all())
