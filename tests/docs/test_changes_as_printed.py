"""The JSON of previews and changes in the README of subscriptions: what is sent is taken, what is answered is so."""

import json
from datetime import UTC, datetime

from storefront.testing import running_shop
from tests.subscriptions.subscribing import subscribe

from .test_readme import ROOT, blocks

README = (ROOT / "plugins" / "subscriptions" / "README.md").read_text()
HALF_A_MONTH = 15 * 86_400


def printed(answer: object) -> object:
    """Cut ids, tokens and times as they are printed; the year of a time is that of the README."""
    if isinstance(answer, dict):
        return {name: _cut(name, value) for name, value in answer.items()}
    return [printed(one) for one in answer] if isinstance(answer, list) else answer


def _cut(name: str, value: object) -> object:
    if not isinstance(value, str):
        return printed(value)
    if name.endswith(("_at", "_start", "_end")):
        return f"2027{value[4:11]}…"
    return {"id": "sbc_…", "subscription": "sub_…", "token": "eyJ…"}.get(name, value)


def seconds_to_september() -> int:
    """Return how long it is until the next 1 September, 09:00 UTC: a month of thirty days."""
    now = datetime.now(UTC)
    day = datetime(now.year, 9, 1, 9, tzinfo=UTC)
    return int(((day if day > now else day.replace(year=now.year + 1)) - now).total_seconds())


async def test_a_change_is_previewed_and_made_as_printed(tmp_path):
    section = README.split("## Changes of tier\n")[1].split("\n## ")[0]
    asked, previewed, by_token, by_tier, pending = (json.loads(block) for block in blocks(section, "json"))
    async with running_shop(tmp_path, ROOT / "config.example.yaml") as shop:
        shop.wall.move(seconds_to_september())
        path = f"/v1/subscriptions/{await subscribe(shop, 'keeper', trial=False)}"
        shop.wall.move(HALF_A_MONTH)
        ada = shop.as_customer()

        preview = await ada.post(f"{path}/preview", asked)
        assert (preview.status, printed(preview.json)) == (200, previewed)

        assert by_token == {"token": "eyJ…"}
        made = await ada.post(f"{path}/change", {"token": preview.json["token"]}, key="up")
        assert (made.status, made.json["total"]) == (201, previewed["total"])

        waits = await ada.post(f"{path}/change", by_tier, key="down")
        assert (waits.status, printed(waits.json["pending_change"])) == (200, pending)
        assert [amount for _, amount in await shop.sandbox.charged()] == [499, 250]
