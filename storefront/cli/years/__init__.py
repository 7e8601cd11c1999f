"""``storefront demo --subscriptions``: years of subscriptions, played in minutes on a shop in this process."""
