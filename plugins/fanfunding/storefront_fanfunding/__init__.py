"""Fan-funding for Storefront: tips for creators, and what becomes of their money."""

from storefront_fanfunding.plugin import FanfundingPlugin

__all__ = ["FanfundingPlugin"]
