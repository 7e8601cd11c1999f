"""A small shop for the page tests: every state of an item at once, and texts that try to break out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from storefront.pages import PageFrame
from storefront.web.pages import AssetName, Notice, Renderer, ShopView, build_shop_view

SOON = "2026-11-30T18:00:00+00:00"
NONE_LEFT = {"per": "global", "count": 9, "window": "lifetime", "left": 0}
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def offer(sku: str, title: str, prices: dict[str, int], **more: Any) -> dict[str, Any]:
    return {
        "sku": sku,
        "kind": "item",
        "title": title,
        "description": None,
        "prices": [{"amount": amount, "currency": currency} for currency, amount in prices.items()],
        "limits": [],
        "available_from": None,
        "available_until": None,
        "featured": False,
        "badge": None,
        **more,
    }


def gems(amount: int) -> list[dict[str, Any]]:
    return [{"asset": "gems", "amount": amount}]


@pytest.fixture
def catalog() -> dict[str, Any]:
    chest = [{"asset": "gems", "amount": 1200}, {"sku": "boots"}]
    return {
        "version": "cat_1",
        "offers": [
            offer("chest", "Winter chest", {"EUR": 1499}, featured=True, contents=chest, available_until=SOON),
            offer("gems-1200", "1200 gems", {"USD": 1099, "EUR": 999}, contents=gems(1200), badge="Most bought"),
            offer("gems-100", "100 gems", {"USD": 109, "EUR": 99}, contents=gems(100)),
            offer("gems-15000", "15000 gems", {"EUR": 9999}, contents=gems(15000), bonus={"gems": 1000}),
            offer("sword", "Sword of Dawn", {"gems": 480}, art="sword", contents=[{"sku": "sword", "quantity": 1}]),
            offer("cloak", "Moth-Wing Cloak", {"gems": 900}, art="cloak"),
            offer("crown", "Ashen Crown", {"gems": 3200, "EUR": 2999}),
            offer("potion", "Health potion", {"gems": 15}, type="consumable", use="consume"),
            offer("lantern", "Reed Lantern", {"gems": 10}, available_from="2026-12-01T00:00:00+00:00"),
            offer("shield", "Shield", {"gems": 10}, limits=[NONE_LEFT]),
            offer("gone", "Gone", {"gems": 10}, available_until="2026-11-21T12:00:00+00:00"),
            offer("hard", "<script>alert(1)</script> لیلى", {"EUR": 1248000}, description='"><img src=x onerror=y>'),
        ],
    }  # fmt: skip


@pytest.fixture
def state() -> dict[str, Any]:
    def item(sku: str, quantity: int, **more: Any) -> dict[str, Any]:
        return {"sku": sku, "quantity": quantity, "frozen": False, "expires_at": None, **more}

    return {
        "customer": "marisol_vega",
        "version": 8,
        "wallets": {"gems": {"balance": 2400, "available": 2340, "held": 60}},
        "items": [item("cloak", 1), item("potion", 20), item("potion", 4), item("left-the-catalog", 1, frozen=True)],
    }


@pytest.fixture
def shop(catalog: dict[str, Any], state: dict[str, Any]) -> Callable[..., ShopView]:
    """Builds the view; ``visitor=True`` looks without signing in, frame members go by name."""

    def build(*, visitor: bool = False, notice: Notice | None = None, currency: str = "EUR", **frame: Any) -> ShopView:
        keys = count(1)
        page = PageFrame(shop_name="Lanternfall", csrf="csrf-1", publisher="Lowtide Games", sandbox=True)
        return build_shop_view(
            catalog,
            None if visitor else state,
            page=replace(page, **frame),
            assets={"gems": AssetName.titled("gems", "Gems")},
            now=NOW,
            new_key=lambda: f"key-{next(keys)}",
            currency=currency,
            notice=notice,
            prices_note="Prices include VAT.",
        )

    return build


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    return Renderer()
