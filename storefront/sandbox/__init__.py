"""A Stripe emulator: the part of Stripe's API that a shop needs, with its hosted checkout page.

Any Stripe client can use it; it talks to the shop by HTTP only.
"""

from storefront.sandbox.app import SANDBOX, create_sandbox
from storefront.sandbox.errors import SandboxLocked
from storefront.sandbox.orders import Misbehave, read_orders
from storefront.sandbox.sandbox import Sandbox

__all__ = ["SANDBOX", "Misbehave", "Sandbox", "SandboxLocked", "create_sandbox", "read_orders"]
