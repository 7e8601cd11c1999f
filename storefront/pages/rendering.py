"""Templates of pages, and what such a page may load and where its forms may lead."""

from collections.abc import Iterable
from pathlib import Path

from aiohttp import web
from jinja2 import Environment
from yarl import URL

from storefront.core.services import Services
from storefront.design import asset_url
from storefront.design.art import art
from storefront.design.icons import icon
from storefront.design.templates import environment
from storefront.pages.frame import Tone
from storefront.pages.keys import SERVICES

_HERE = Path(__file__).parent

STATIC = _HERE / "static"
"""Folder of the pages' own style sheets and scripts, served at ``/static/pages``."""
FORM_TARGETS: web.AppKey[tuple[str, ...]] = web.AppKey("FORM_TARGETS")


def make_templates(folder: Path) -> Environment:
    """Return a folder's templates, compiled once a process.

    They may extend ``base.html``, call ``shared`` and name ``shop.css``.

    Everything is escaped unless it is ``Markup``; a name that a view does not have is an error, not a gap.
    """
    templates = environment([folder, _HERE / "templates"])
    templates.globals.update(art=art, icon=icon, Tone=Tone, design_url=asset_url, page_url=_page_url)
    templates.globals.update(shared=templates.get_template("shared.html").module)
    return templates


def answer_page(app: web.Application, html: str, *, status: int = 200) -> web.Response:
    """Answer a page: nothing from elsewhere, nothing kept by the browser."""
    targets: tuple[str, ...] = app[FORM_TARGETS]
    headers = {
        "Content-Security-Policy": content_security_policy(targets, _picture_origins(app[SERVICES])),
        "Cache-Control": "no-store",
        # Under no-referrer browsers send `Origin: null` with our own forms, and without TLS no Sec-Fetch-Site either:
        # nothing would tell our page from another site's. Other origins see as little of the address as before.
        "Referrer-Policy": "same-origin",
    }
    return web.Response(text=html, status=status, content_type="text/html", headers=headers)


def content_security_policy(form_targets: Iterable[str] = (), picture_origins: Iterable[str] = ()) -> str:
    """The ``Content-Security-Policy`` of our pages: nothing from elsewhere but pictures, nothing inline.

    ``picture_origins`` are those of the pictures that the shop's configuration names.
    ``form_targets`` are the origins that a form's answer may redirect to (the gateway's checkout, allowed return
    origins): browsers hold redirects of a form to ``form-action`` too.
    """
    actions, pictures = " ".join(["'self'", *form_targets]), " ".join(["'self'", *picture_origins])
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {pictures}",
            "connect-src 'self'",
            f"form-action {actions}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _picture_origins(services: Services) -> list[str]:
    """Return from where the shop's own pictures come, besides the shop itself."""
    catalog = services.catalogs.active
    addresses = [asset.icon for asset in catalog.assets.values()] + [one.picture for one in catalog.offers.values()]
    found = (URL(address) for address in addresses if address is not None)
    return sorted({str(url.origin()) for url in found if url.absolute})


def is_form_target(address: str, targets: Iterable[str]) -> bool:
    """Tell whether an address is a path of ours, or of the origin of one of ``targets``."""
    url = URL(address)
    return not url.absolute or url.origin() in {URL(target).origin() for target in targets}


def _page_url(name: str, base: str) -> str:
    return asset_url(name, base=base, folder=STATIC, mount="/static/pages")
