"""The shop's services as a request finds them."""

from aiohttp import web

from storefront.core.keys import Keys
from storefront.core.outgoing_webhooks.deliveries import WebhookDeliveries
from storefront.core.outgoing_webhooks.endpoints import WebhookEndpoints
from storefront.core.receipts.signing import ReceiptSigner
from storefront.pages.keys import SERVICES, TOKENS
from storefront.web.limits import RateLimiter

__all__ = ("KEYS", "LIMITER", "SERVICES", "SIGNER", "TOKENS", "WEBHOOK_DELIVERIES", "WEBHOOK_ENDPOINTS")

KEYS = web.AppKey("KEYS", Keys)
LIMITER = web.AppKey("LIMITER", RateLimiter)
SIGNER = web.AppKey("SIGNER", ReceiptSigner)
WEBHOOK_ENDPOINTS = web.AppKey("WEBHOOK_ENDPOINTS", WebhookEndpoints)
WEBHOOK_DELIVERIES = web.AppKey("WEBHOOK_DELIVERIES", WebhookDeliveries)
