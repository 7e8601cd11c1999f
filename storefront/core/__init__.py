"""The shop itself: no HTTP, no plugin, and no vendor outside ``core/gateways``."""
