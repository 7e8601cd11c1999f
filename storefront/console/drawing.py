"""Draws pages of the console from their data: the one way in which ``storefront.panels`` become HTML."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from jinja2 import Environment

from storefront.core.clock import iso
from storefront.core.ids import new_id
from storefront.design import asset_url
from storefront.pages import make_templates
from storefront.panels import Section, places_of
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


def checked_part(found: object) -> Sequence[Section]:
    """Return what a plugin adds to a page, if it is what it should be; raises ``TypeError``."""
    if not isinstance(found, list | tuple) or not all(isinstance(one, Section) for one in found):
        raise TypeError(f"a part of a page is a list of sections, not {type(found).__name__} of what is none")
    return found


def draw_apart(templates: Environment, sections: Iterable[Section]) -> str:
    """Return sections as they would be drawn by themselves; raises what drawing raises."""
    page = {"base": ""}
    draw = vars(templates.get_template("sections.html").make_module({"page": page}))["draw"]
    return "".join(str(draw(section, page, "", None, {})) for section in sections)
