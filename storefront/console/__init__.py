"""The operator console: pages over the core's use cases, drawn from data (``storefront.panels``) by one template."""

from storefront.console.mounting import console_routes

__all__ = ["console_routes"]
