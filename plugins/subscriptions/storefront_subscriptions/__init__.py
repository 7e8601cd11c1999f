"""The plugin ``subscriptions``: tiers that renew, fail and recover by themselves, over any gateway or the wallet."""

from storefront_subscriptions.plugin import SubscriptionsPlugin

__all__ = ["SubscriptionsPlugin"]
