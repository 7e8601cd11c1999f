"""A shop whose purchases are judged, and what tests of its rules do again and again."""

import json
from typing import Any

from storefront.testing import TINY_SHOP, Answer, Shop

SECTION = """
  fraud:
    lists: {{blocked_countries: [KP], trusted: [vip], banned_devices: []}}
    rates: {{EUR: "1.10", gems: "1"}}
    rules:{rules}
"""


def shop_with(rules: str, **more: Any) -> str:
    """Return the tiny shop's YAML with these rules (lines of a YAML list), and more keys of the plugin's section."""
    lines = "".join(f"\n      - {line}" for line in rules.strip().splitlines()) if rules else " []"
    section = SECTION.format(rules=lines) + "".join(f"    {key}: {json.dumps(value)}\n" for key, value in more.items())
    text = TINY_SHOP.replace("plugins: {microtransactions: {}}", "plugins:\n  microtransactions: {}" + section)
    return text + "web: {rate_limits: {checkout: {per: address, rate: 100000, period_seconds: 1}}}\n"


def decisions(shop: Shop, stage: str = "purchase") -> list[dict[str, Any]]:
    """Return the decisions of a stage in order, with what is JSON read."""
    rows = shop.query("SELECT * FROM fraud_decisions WHERE stage = ? ORDER BY created_at, purchase_id", stage)
    read = ("matches", "attributes", "counted", "to_count", "identity")
    return [{**row, **{name: json.loads(row[name]) for name in read}} for row in rows]


def matched(decision: dict[str, Any]) -> list[str]:
    return [one["rule"] for one in decision["matches"]]


def is_neutral_refusal(answer: Answer) -> bool:
    """Tell whether a buyer was told what every refused buyer is told, and nothing else."""
    told = {key: value for key, value in answer.json.items() if key != "request_id"}
    return answer.status == 403 and told == NEUTRAL


NEUTRAL = {
    "type": "/docs/errors#purchase_refused",
    "title": "This purchase cannot be made",
    "status": 403,
    "code": "purchase_refused",
    "detail": "This purchase cannot be made",
}
