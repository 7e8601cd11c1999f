"""Stripe, and our emulator of it, with the official library; the sole importer of ``stripe``.

``gateway`` puts together what the nouns can do; ``client`` calls, ``translating`` reads errors and answers.
"""

from storefront.core.gateways.stripe.client import Patience
from storefront.core.gateways.stripe.gateway import StripeGateway
from storefront.core.gateways.stripe.pacing import REQUESTS_PER_SECOND

__all__ = ["REQUESTS_PER_SECOND", "Patience", "StripeGateway"]
