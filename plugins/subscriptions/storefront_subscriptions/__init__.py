"""Tiers, billing periods and proration for Storefront; so far their pure arithmetic."""
