"""A train as the overlay draws it: its level, how far it is, how long it goes on, and who rides along."""

from typing import Any

import msgspec

from storefront.core.services import Services
from storefront.pages import amount_words
from storefront_fanfunding.rows import PAID
from storefront_fanfunding.train import RUNNING, last_train, riders

MOST_WAGONS = 3


async def show_train(services: Services, creator_id: str) -> dict[str, Any]:
    """Return the train that runs now, or none; ``left_ms`` of its time are left. Anonymous and blocked
    fans, and those whose tip went back, have no name."""
    train, now = await last_train(services, creator_id), services.clock.now()
    if train is None or train["state"] != RUNNING or now >= train["ends_at"]:
        return {"train": None, "left_ms": 0}
    levels: list[int] = msgspec.json.decode(train["levels"])
    named: dict[tuple[str, int], str | None] = {}
    for tip in await riders(services, train):
        is_hidden = tip["is_anonymous"] or tip["is_held"] or tip["is_blocked"] or tip["state"] != PAID
        named.setdefault((tip["customer_id"], int(is_hidden)), None if is_hidden else tip["name"])
    names = list(named.values())
    shown = {
        "number": train["number"],
        "sequence": train["sequence"],
        "level": train["level"],
        "levels": len(levels),
        "percent": train["progress"] * 100 // levels[train["level"] - 1],
        "contributions": train["contributions"],
        "total": {"amount": train["total"], "currency": train["currency"]},
        "words": amount_words(services, services.catalogs.active.default_language, train["total"], train["currency"]),
        "riders": names[:MOST_WAGONS],
        "more": max(0, len(names) - MOST_WAGONS),
    }
    return {"train": shown, "left_ms": train["ends_at"] - now}
