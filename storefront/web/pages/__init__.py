"""Server-rendered pages of the shop: views (what is shown), templates (how), static files (looks and comfort).

A handler builds a view with ``build_shop_view``, hands it to a ``Renderer`` and answers the HTML with
``content_security_policy``. Static files: ``STATIC`` is mounted at ``/static/pages``, the design's own at
``/static/design``.
"""

from storefront.web.pages.rendering import STATIC, Renderer, content_security_policy
from storefront.web.pages.shop_view import build_shop_view
from storefront.web.pages.views import AssetName, Customer, Notice, PageFrame, ShopView, Tone
from storefront.web.pages.words import NOT_PAID, NOT_TAKEN, PRICE_CHANGED, WAITING, bought_notice

__all__ = [
    "NOT_PAID",
    "NOT_TAKEN",
    "PRICE_CHANGED",
    "STATIC",
    "WAITING",
    "AssetName",
    "Customer",
    "Notice",
    "PageFrame",
    "Renderer",
    "ShopView",
    "Tone",
    "bought_notice",
    "build_shop_view",
    "content_security_policy",
]
