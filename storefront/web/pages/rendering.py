"""Renders the core's views to HTML."""

from pathlib import Path

from storefront.pages.frame import PageFrame
from storefront.pages.rendering import make_templates
from storefront.web.pages.receipt_view import ReceiptView
from storefront.web.pages.views import ItemState, PaymentView, ShopView

_HERE = Path(__file__).parent


class Renderer:
    """Holds the templates, compiled once; safe to share between requests.

    Everything is escaped unless it is ``Markup``; a name that a view does not have is an error, not a gap.
    """

    def __init__(self) -> None:
        self._templates = make_templates(_HERE / "templates")
        self._templates.globals.update(State=ItemState)

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
