"""The plugin ``mail``: tells customers by mail what happened to their purchases and subscriptions."""

from storefront_mail.plugin import MailPlugin

__all__ = ["MailPlugin"]
