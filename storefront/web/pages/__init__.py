"""Server-rendered pages of the shop: views (what is shown), templates (how), static files (looks and comfort).

A handler builds a view with ``build_shop_view``, hands it to a ``Renderer`` and answers the HTML with
the policy of ``storefront.pages``, which also holds the static files.
"""

from storefront.web.pages.inventory import CONFIRMED, must_ask
from storefront.web.pages.offers import Holding, read_holdings
from storefront.web.pages.parts_view import AssetName
from storefront.web.pages.paying_view import PaymentChoice, choose_payment
from storefront.web.pages.receipt_view import ReceiptView, build_receipt_view
from storefront.web.pages.rendering import Renderer
from storefront.web.pages.shop_view import build_shop_view
from storefront.web.pages.views import (
    Customer,
    Notice,
    PaymentView,
    PromoChoice,
    PurchaseLine,
    ShopView,
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
    "WAITING",
    "AssetName",
    "Customer",
    "Holding",
    "Notice",
    "PaymentChoice",
    "PaymentView",
    "PromoChoice",
    "PurchaseLine",
    "ReceiptView",
    "Renderer",
    "ShopView",
    "bought_notice",
    "build_receipt_view",
    "build_shop_view",
    "choose_payment",
    "error_page_words",
    "must_ask",
    "read_holdings",
    "refusal_words",
    "session_ended_words",
    "unseen_payment_words",
    "used_words",
]
