"""Virtual items and currency packs for Storefront."""

from storefront_microtransactions.plugin import MicrotransactionsPlugin

__all__ = ["MicrotransactionsPlugin"]
