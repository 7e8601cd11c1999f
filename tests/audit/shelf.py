"""What the book's shop sells, as its one catalog version says it, and what events tell of purchases."""

import json
from typing import Any

_KEPT = {"restore_limit_on_refund": False}
LIMITS = [
    {"per": "customer", "window": "lifetime", "count": 5, **_KEPT},
    {"per": "customer", "window": "hour", "count": 5, **_KEPT},
    {"per": "customer", "window": "month", "count": 5, **_KEPT},
    {"per": "global", "window": "day", "count": 5, **_KEPT},
    {"per": "global", "window": "week", "count": 5, **_KEPT},
]


def _offer(sku: str, prices: dict[str, int], part: dict[str, Any], **more: Any) -> dict[str, Any]:
    kind = "currency_pack" if "contents" in part else "item"
    return {
        "sku": sku, "kind": kind, "title": {"en": sku}, "description": None, "picture": None, "prices": prices,
        "grants": {}, "limits": [], "available": {"from_": None, "until": None}, "featured": False, "badge": None,
        "hidden": False, "metadata": {}, "part": part, **more,
    }  # fmt: skip


OFFERS = [
    _offer("gems-500", {"USD": 499}, {"contents": {"gems": 500}},
           limits=[{"per": "global", "window": "lifetime", "count": 9, **_KEPT}]),
    _offer("sword", {"gems": 120}, {"type": "durable"}, limits=LIMITS, grants={"arena": True}),
    _offer("potion", {"gems": 10}, {"type": "consumable"}),
    _offer("hat", {"stars": 10}, {"type": "consumable"}),
    _offer("cap", {"stars": 10}, {"type": "durable"}, grants={"vip": True}),
    _offer("charm", {"stars": 99}, {"type": "durable"}, grants={"vault": True}),
]  # fmt: skip
CATALOG = json.dumps(
    {
        "default_language": "en",
        "assets": {
            code: {"code": code, "title": {"en": code}, "exponent": 0, "icon": None}
            for code in ("gems", "stars", "coins")
        },
        "offers": {offer["sku"]: offer for offer in OFFERS},
        "entitlements": {},
    }
)
