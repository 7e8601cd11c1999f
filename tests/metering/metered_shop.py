"""The shop that is paid by use, and how usage is told to it."""

from datetime import UTC, datetime
from typing import Any

METERED = """
shop: {name: Metered}
mode: sandbox
data: ${DATA}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: ak_sandbox_demo, kind: operator}
gateways: {sandbox: {}}
plugins: {microtransactions: {}}
assets: {gems: {title: Gems}, credits: {title: Credits, exponent: 2}}
offers:
  potion: {kind: item, type: consumable, title: Potion, prices: {gems: 15}}
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499}}
meters:
  calls: {event_type: api.call, aggregation: count}
  voice: {event_type: voice.minute, aggregation: sum, value: minutes, filters: {region: [eu, us]}}
  players: {event_type: login, aggregation: unique, value: player, period: day}
  peak: {event_type: room, aggregation: max, value: seats}
  storage: {event_type: disk, aggregation: latest, value: gigabytes}
  capped: {event_type: capped, aggregation: sum, value: n}
  free: {event_type: free, aggregation: sum, value: n}
  owed: {event_type: owed, aggregation: sum, value: n}
  tiers: {event_type: tiers, aggregation: sum, value: n}
  packs: {event_type: packs, aggregation: count, period: day}
usage:
  api: {meter: calls, mode: prepaid, asset: credits, model: per_unit, price: "0.05"}
  voice_minutes: {meter: voice, mode: prepaid, asset: gems, model: per_unit, price: "0.5", included: 10, low_at: 20}
  seats: {meter: peak, mode: postpaid, asset: USD, model: volume,
          tiers: [{up_to: 10, price: "100"}, {price: "80", flat: "50"}]}
  disk: {meter: storage, mode: postpaid, asset: USD, model: per_unit, price: "2.5"}
  capped: {meter: capped, mode: prepaid, asset: gems, model: per_unit, price: "1", on_exhausted: cap}
  free: {meter: free, mode: prepaid, asset: gems, model: per_unit, price: "0.3", on_exhausted: allow}
  owed: {meter: owed, mode: prepaid, asset: gems, model: per_unit, price: "1.5", on_exhausted: debt}
  tiers: {meter: tiers, mode: postpaid, asset: USD, model: graduated,
          tiers: [{up_to: 100, price: "1"}, {up_to: 200, price: "0.5", flat: "10"}, {price: "0.125"}]}
  packs: {meter: packs, mode: postpaid, asset: USD, model: package, package: 10, price: "99"}
"""


def cloud_event(number: int | str, type: str = "api.call", *, customer: str = "ada", **more: Any) -> dict[str, Any]:
    """Return a usage event; ``time`` may be ms, all else becomes its data."""
    event: dict[str, Any] = {"specversion": "1.0", "id": f"evt-{number}", "source": "/game", "type": type}
    event["subject"] = customer
    if (at := more.pop("time", None)) is not None:
        event["time"] = datetime.fromtimestamp(at / 1000, UTC).isoformat() if isinstance(at, int) else at
    return {**event, "data": more} if more else event
