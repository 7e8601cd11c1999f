"""Server-rendered pages of the shop: views (what is shown), templates (how), static files (looks and comfort).

A handler builds a view with ``build_shop_view``, hands it to a ``Renderer`` and answers the HTML with
``content_security_policy``. Static files: ``STATIC`` is mounted at ``/static/pages``, the design's own at
``/static/design``.
"""

from storefront.web.pages.inventory import CONFIRMED, must_ask
from storefront.web.pages.offers import Holding, read_holdings
from storefront.web.pages.parts_view import AssetName
from storefront.web.pages.paying_view import PaymentChoice, choose_payment
from storefront.web.pages.receipt_view import ReceiptView, build_receipt_view
from storefront.web.pages.rendering import STATIC, Renderer, content_security_policy
from storefront.web.pages.shop_view import build_shop_view
from storefront.web.pages.views import (
    Customer,
    Link,
    Notice,
    PageFrame,
    PaymentView,
    PromoChoice,
    PurchaseLine,
    ShopView,
    Tone,
)
from storefront.web.pages.words import (
    GOODS_OWED,
    INVITED,
    LEFT,
    NOT_PAID,
    ON_ITS_WAY,
    WAITING,
    bought_notice,
    error_page_words,
    refusal_words,
    session_ended_words,
    unseen_payment_words,
    used_words,
)

__all__ = [
    "CONFIRMED",
    "GOODS_OWED",
    "INVITED",
    "LEFT",
    "NOT_PAID",
    "ON_ITS_WAY",
    "STATIC",
    "WAITING",
    "AssetName",
    "Customer",
    "Holding",
    "Link",
    "Notice",
    "PageFrame",
    "PaymentChoice",
    "PaymentView",
    "PromoChoice",
    "PurchaseLine",
    "ReceiptView",
    "Renderer",
    "ShopView",
    "Tone",
    "bought_notice",
    "build_receipt_view",
    "build_shop_view",
    "choose_payment",
    "content_security_policy",
    "error_page_words",
    "must_ask",
    "read_holdings",
    "refusal_words",
    "session_ended_words",
    "unseen_payment_words",
    "used_words",
]
