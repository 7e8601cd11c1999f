"""A mall with every plugin: cards and wallets, four currencies, trials, gifts, pledges, usage, rules that judge."""

from tests.analytics.mall import MALL
from tests.fanfunding.tipping import LUNA

KOFI_TOKEN = "0f6c2a1e-kofi"
WHOLE_MALL = (
    MALL.replace(
        "  subscriptions: {}\n",
        """  subscriptions: {}
  fraud:
    rates: {EUR: "1.10", GBP: "1.25", JPY: "0.7", gems: "1"}
    rules:
      - {id: much-in-a-day, do: review, when: "velocity.customer.sum_24h > 100000"}
      - {id: very-much, do: block, when: "velocity.customer.sum_24h > 200000"}
      - {id: dear, do: review, mode: shadow, when: "amount >= 1200"}
""",
    )
    .replace("hold_days: 1}", 'hold_days: 1, imports: {kofi: {token: "${KOFI_TOKEN}"}}}')
    .replace("prices: {USD: 1499, EUR: 1399}}", "prices: {USD: 1499, EUR: 1399, GBP: 1249, JPY: 2200}}")
    .replace(
        "offers:\n",
        """meters: {calls: {event_type: api.call, aggregation: count}}
usage: {api: {meter: calls, mode: prepaid, asset: gems, model: per_unit, price: "0.3"}}
offers:
  patron: {kind: subscription, family: patronage, title: Patron, trial: 14d, prices: {USD: 1500},
           credits: {gems: {amount: 60, every: month}}, grants: [lounge]}
""",
    )
)
LUNA_TOURS = LUNA + (
    "goals:\n"
    "  - {id: tour, title: A tour, target: {USD: 1000}, mode: all_or_nothing, deadline: '2031-12-01T00:00:00Z'}\n"
    "  - {id: moon, title: To the moon, target: {USD: 100000000}, mode: all_or_nothing,"
    " deadline: '2032-06-01T00:00:00Z'}\n"
)
