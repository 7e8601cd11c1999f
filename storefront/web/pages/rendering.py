"""Renders views to HTML, and says what such a page may load and where its forms may lead."""

from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from storefront.design import asset_url
from storefront.design.art import art
from storefront.design.icons import icon
from storefront.web.pages.receipt_view import ReceiptView
from storefront.web.pages.views import ItemState, PageFrame, PaymentView, ShopView, Tone

_HERE = Path(__file__).parent

STATIC = _HERE / "static"
"""Folder of the pages' own style sheets and scripts: ``shop.css``, ``shop.js``."""


class Renderer:
    """Holds the templates, compiled once; safe to share between requests.

    Everything is escaped unless it is ``Markup``; a name that a view does not have is an error, not a gap.
    """

    def __init__(self) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            art=art, icon=icon, State=ItemState, Tone=Tone, design_url=asset_url, page_url=_page_url
        )

    def render_shop(self, view: ShopView) -> str:
        """The whole shop page as HTML."""
        return self._templates.get_template("shop.html").render(view=view, page=view.page)

    def render_receipt(self, view: ReceiptView) -> str:
        """A receipt as HTML."""
        return self._templates.get_template("receipt.html").render(view=view, page=view.page)

    def render_payment(self, view: PaymentView) -> str:
        """The page that says how to pay by hand."""
        return self._templates.get_template("payment.html").render(view=view, page=view.page)

    def render_error(self, page: PageFrame, *, title: str, detail: str, request_id: str) -> str:
        """A page that says what went wrong, what to do, and the id (if any) under which the log has the rest."""
        template = self._templates.get_template("error.html")
        return template.render(page=page, title=title, detail=detail, request_id=request_id)


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


def _page_url(name: str, base: str) -> str:
    return asset_url(name, base=base, folder=STATIC, mount="/static/pages")
