"""What pages are made with, the shop's own and a plugin's: frame, templates, forms that only their page can send.

A handler of a route with ``page=True`` asks ``Browser.of(call)``, renders a template of ``make_templates`` with a
``page_frame``, and answers ``browser.answer_with_forms(html)``; the handler of a form begins with ``reader_of(call)``.
"""

from storefront.pages.amounts import amount_words, asset_names, price_words
from storefront.pages.browser import Browser, check_csrf, keep_playing, page_frame, reader_of, refuse_other_sites
from storefront.pages.frame import Link, Moment, PageFrame, Tone
from storefront.pages.rendering import make_templates

__all__ = [
    "Browser",
    "Link",
    "Moment",
    "PageFrame",
    "Tone",
    "amount_words",
    "asset_names",
    "check_csrf",
    "keep_playing",
    "make_templates",
    "page_frame",
    "price_words",
    "reader_of",
    "refuse_other_sites",
]
