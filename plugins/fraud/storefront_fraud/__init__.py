"""The plugin fraud: rules that an operator can read, over what is known of a purchase and of its payment."""

from storefront_fraud.plugin import FraudPlugin

__all__ = ["FraudPlugin"]
