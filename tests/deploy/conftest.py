"""What a shop with every plugin tells at ``/metrics`` after some of everything: read once, for all tests here."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from storefront.cli.serving import loop_factory
from storefront.testing import OPERATOR_KEY, TINY_SHOP, Shop, running_shop
from tests.cli.conftest import storefront
from tests.subscriptions.subscribing import subscribe

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
WHOLE_SHOP = (
    TINY_SHOP.replace(
        "plugins: {microtransactions: {}}",
        """plugins:
  microtransactions: {}
  subscriptions: {}
  fanfunding: {share: 50%, currencies: [USD], creators: {luna: {file: luna.yaml, share: 90%, hold_days: 0}}}
  fraud:
    reference: USD
    rates: {EUR: "1.08", gems: "0"}
    rules: [{id: seen, do: review, when: "amount_usd > 0", mode: shadow}]
  mail: {host: 127.0.0.1, port: 1, security: none, from: shop@tiny.example}""",
    )
    + """  basic: {kind: subscription, family: membership, title: Basic, prices: {USD: 499}}
  banner:
    {kind: item, type: consumable, title: Banner, prices: {gems: 1},
     delivery: {on_purchase: [{to: lobby, command: "banner {player}"}]}}
"""
)
STRAY = {"id": "evt_stray", "object": "event", "type": "checkout.session.completed", "livemode": True,
         "data": {"object": {"object": "checkout.session", "id": "cs_stray"}}}  # fmt: skip
LUNA = "name: Luna\ntitle: Luna plays\ntips: {min: {USD: 100}}\n"


@dataclass(frozen=True, slots=True)
class Told:
    """``/metrics`` of one moment: ``values`` by sample name and labels. ``routes`` are all that the shop has."""

    values: Mapping[tuple[str, frozenset[tuple[str, str]]], float]
    routes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str, routes: Iterable[str] = ()) -> "Told":
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
        return cls({(one.name, frozenset(one.labels.items())): one.value for one in samples}, frozenset(routes))

    def value(self, name: str, **labels: str) -> float:
        return self.values[name, frozenset(labels.items())]

    def values_of(self, name: str, label: str) -> set[str]:
        """Return the values that a label has; no label of one that there is has none."""
        if label == "route":
            return set(self.routes)
        return {dict(labels)[label] for found, labels in self.values if found == name and label in dict(labels)}

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.values}


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        yield runner.run(_told(folder))


async def _told(folder: Path) -> Told:
    (folder / "luna.yaml").write_text(LUNA)
    async with running_shop(folder, WHOLE_SHOP) as shop:
        await _some_of_everything(shop)
        for command in ("backup", "audit verify"):
            done = await asyncio.to_thread(
                storefront, *command.split(), "--config", folder / "shop.yaml", DATA=str(folder / "data")
            )
            assert done.returncode == 0, done.stderr
        paths = (await shop.as_nobody().get("/openapi.json")).json["paths"]
        return Told.of(await read_metrics(shop), paths)


async def _some_of_everything(shop: Shop) -> None:
    """Pay by card, from the wallet and by the month; tip, reconcile; and let the gateway tell of what is not ours."""
    await shop.bought("gems-500")
    await shop.bought("sword")
    await shop.bought("banner")
    await subscribe(shop, "basic", customer="bob", currency="USD")
    tip = await shop.as_nobody().post(
        "/v1/fanfunding/creators/luna/tips", {"amount": {"amount": 1000, "currency": "USD"}, "name": "Mio"}, key="tip"
    )
    assert await shop.pay(tip) == 303
    await shop.settled(tip)
    assert (await shop.sandbox.post_webhook(STRAY)).status == 200
    await shop.until(lambda: shop.query("SELECT 1 AS n FROM alarms"))
    answer = await shop.bearing(OPERATOR_KEY).post("/v1/reconciliations", {"gateway": "sandbox"})
    assert answer.status == 200, answer


async def read_metrics(shop: Shop) -> str:
    """Read the figures anew: those at hand are kept for a while."""
    shop.wall.move(61)
    return (await shop.as_nobody().send("GET", "/metrics")).body.decode()
