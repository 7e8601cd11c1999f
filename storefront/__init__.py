"""Storefront: a self-hosted plugin server for game and creator storefronts."""

__version__ = "0.1.0"
