"""The visual language: tokens and shared styles, drawn item art, icons, money for people.

``STATIC`` holds the style sheets; the web layer mounts it at ``/static/design`` with immutable caching,
which is safe because ``asset_url`` puts a hash of the content into the address.
"""

from storefront.design.assets import STATIC, asset_url, content_hash

__all__ = ["STATIC", "asset_url", "content_hash"]
