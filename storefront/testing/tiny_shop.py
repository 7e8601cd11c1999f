"""The smallest shop that has one offer of each sort, and the keys that tests use."""

SERVER_KEY = "sk_sandbox_demo"
PUBLISHABLE_KEY = "pk_sandbox_demo"
OPERATOR_KEY = "ak_sandbox_demo"
HANG_SECONDS = 20.0

TINY_SHOP = """
shop: {name: Tiny shop}
mode: sandbox
data: ${DATA}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: pk_sandbox_demo, kind: publishable}
  - {key: ak_sandbox_demo, kind: operator}
gateways: {sandbox: {}}
plugins: {microtransactions: {}}
assets: {gems: {title: Gems}}
entitlements: {sword: {title: May wield the sword}, chapters: {title: May read on}}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499, EUR: 479}}
  gems-1200: {kind: currency_pack, title: 1200 gems, contents: {gems: 1200}, prices: {USD: 999}}
  sword: {kind: item, type: durable, title: Sword, prices: {gems: 120}, grants: [sword]}
  potion: {kind: item, type: consumable, max_count: 99, title: Potion, prices: {gems: 15}}
  key: {kind: item, type: consumable, title: Key, prices: {gems: 40}, limits: [{per: customer, count: 5, window: day}]}
  lantern: {kind: item, type: durable, title: The last lantern, prices: {gems: 10}, limits: [{per: global, count: 1}]}
  chest: {kind: item, type: durable, title: Chest, prices: {USD: 1499}, grants: [chapters]}
  statue: {kind: item, type: consumable, title: The last statue, prices: {USD: 2500}, limits: [{per: global, count: 1}]}
  pass: {kind: item, type: consumable, title: One each, prices: {USD: 700}, limits: [{per: customer, count: 1}]}
"""
"""A shop with one offer of each sort; limits without a window are for a lifetime."""
