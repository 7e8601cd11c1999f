"""Draws pages of the console from their data: the one way in which ``storefront.panels`` become HTML."""

from pathlib import Path

from jinja2 import Environment

from storefront.core.clock import iso
from storefront.core.ids import new_id
from storefront.design import asset_url
from storefront.pages import make_templates
from storefront.panels import places_of
from storefront.panels.wording import instant_words

HERE = Path(__file__).parent
STATIC = HERE / "static"
"""Folder of the console's own style sheets and script, served at ``/static/console``."""


def make_console_templates() -> Environment:
    """Return the console's templates. ``page.html`` takes ``page`` (a frame), ``menu``, ``view`` (a ``PageView``),
    ``csrf``, ``says``, ``problem`` and ``typed``.
    """
    templates = make_templates(HERE / "templates")
    templates.globals.update(
        places_of=places_of,
        iso=iso,
        instant_words=instant_words,
        console_url=lambda name, base: asset_url(name, base=base, folder=STATIC, mount="/static/console"),
        key=lambda: new_id("key"),
    )
    return templates
