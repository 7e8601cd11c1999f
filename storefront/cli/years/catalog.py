"""The shop of the story: tiers of a family, one with a trial, one for nothing, one that gems pay for."""

ORDER = ("visitor", "member", "patron", "benefactor")
"""The tiers of the one family, from the lowest to the highest."""

SHOP = """
shop: {name: The long club}
mode: sandbox
data: ${DATA}
logging: {level: error}
keys: [{key: sk_sandbox_demo, kind: server}]
gateways: {sandbox: {}}
plugins:
  microtransactions: {}
  subscriptions:
    dunning: {retries: [2d, 5d, 7d, 7d], grace: 7d, hard_decline: stop, on_exhausted: cancel}
assets: {gems: {title: Gems}}
entitlements: {lounge: {title: May enter the lounge}, rooms: {title: How many rooms}, guild: {title: In the guild}}
offers:
  visitor: {kind: subscription, family: club, title: Visitor, free: true, grants: {lounge: true}}
  member: {kind: subscription, family: club, title: Member, prices: {USD: 499}, trial: 14d,
           grants: {lounge: true, rooms: 1}, also: [{interval: year, prices: {USD: 4990}}]}
  patron: {kind: subscription, family: club, title: Patron, prices: {USD: 999},
           grants: {lounge: true, rooms: 5}, also: [{interval: year, prices: {USD: 9990}}]}
  benefactor: {kind: subscription, family: club, title: Benefactor, prices: {USD: 2499},
               grants: {lounge: true, rooms: 20}}
  guild: {kind: subscription, family: guild, title: Guild, prices: {gems: 300}, grants: {guild: true}}
"""
