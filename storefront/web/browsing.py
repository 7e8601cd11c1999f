"""What the shop's pages know of a browser: its language, theme, CSRF cookie; and how a page is answered."""

import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from aiohttp import web
from yarl import URL

from storefront.core.services import Services
from storefront.design.money import parse_locale
from storefront.routing import Call
from storefront.web.errors import ErrorView
from storefront.web.pages import (
    PageFrame,
    PaymentView,
    ReceiptView,
    Renderer,
    ShopView,
    content_security_policy,
    error_page_words,
    refusal_words,
)
from storefront.web.services import SERVICES, TOKENS

RENDERER = web.AppKey("RENDERER", Renderer)
FORM_TARGETS: web.AppKey[tuple[str, ...]] = web.AppKey("FORM_TARGETS")
ACCENT_URL = web.AppKey("ACCENT_URL", str)

CSRF_COOKIE = "storefront_csrf"
SECURE_CSRF_COOKIE = "__Host-storefront_csrf"
THEME_COOKIE = "theme"
SESSION_COOKIE = "storefront_session"
SECURE_SESSION_COOKIE = "__Host-storefront_session"
SESSION_SECONDS = 900
CSRF_SECONDS = 30 * 86_400
CHOICE_SECONDS = 180 * 86_400


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser's wishes, read from its request.

    ``csrf`` goes into the page's forms: it is made of the secret in the browser's cookie and of who is signed in,
    so a page that is left over from another customer buys nothing for this one. ``expected_csrf`` is what a form
    must carry, ``None`` if the browser has no cookie yet.
    """

    app: web.Application
    language: str
    theme: str | None
    secret: str
    csrf: str
    expected_csrf: str | None
    is_secure: bool

    @classmethod
    def of(cls, call: Call) -> "Browser":
        request, services = call.request, call.app[SERVICES]
        is_secure = services.public_url.startswith("https://")
        cookie = request.cookies.get(_csrf_cookie(is_secure))
        secret = cookie or secrets.token_urlsafe(24)
        csrf = hmac.digest(secret.encode(), (call.principal.customer_id or "").encode(), "sha256").hex()
        return cls(
            app=call.app,
            language=language_of(request, services.config.shop.default_language),
            theme=_theme(request),
            secret=secret,
            csrf=csrf,
            expected_csrf=csrf if cookie else None,
            is_secure=is_secure,
        )

    def keep(self, response: web.StreamResponse, cookie: str, choice: str) -> None:
        """Remember in this browser what its reader chose."""
        response.set_cookie(
            cookie,
            choice,
            max_age=CHOICE_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=self.is_secure,
            path="/",
        )

    def render_payment(self, view: PaymentView) -> web.Response:
        """Answer the page that says how to pay by hand; it has no forms."""
        return _html(self.app, self.app[RENDERER].render_payment(view))

    def render_shop(self, view: ShopView) -> web.Response:
        """Answer the shop page, with the cookie that its forms must match."""
        response = _html(self.app, self.app[RENDERER].render_shop(view))
        response.set_cookie(
            _csrf_cookie(self.is_secure),
            self.secret,
            max_age=CSRF_SECONDS,
            httponly=True,
            # Strict would hide it on the way back from the payment page, and other tabs would lose theirs.
            samesite="Lax",
            secure=self.is_secure,
            path="/",
        )
        return response

    def render_receipt(self, view: ReceiptView) -> web.Response:
        """Answer a receipt's page, which has no forms."""
        return _html(self.app, self.app[RENDERER].render_receipt(view))


def page_frame(call: Call, services: Services, browser: Browser) -> PageFrame:
    """Return what every page shares."""
    shop = services.config.shop
    return PageFrame(
        shop_name=shop.name,
        csrf=browser.csrf,
        publisher=shop.publisher,
        support_email=shop.support_email,
        sandbox=not services.is_live,
        theme=browser.theme,
        locale=browser.language,
        accent_url=call.app.get(ACCENT_URL),
    )


def set_session(
    call: Call, response: web.StreamResponse, customer_id: str, external_id: str, *, token: str | None = None
) -> None:
    """Set the session cookie: the given token, or a new one."""
    country = call.principal.country
    if token is None:
        token, _ = call.app[TOKENS].mint(customer_id, external_id, ttl_seconds=SESSION_SECONDS, country=country)
    is_secure = call.app[SERVICES].public_url.startswith("https://")
    response.set_cookie(
        SECURE_SESSION_COOKIE if is_secure else SESSION_COOKIE,
        token,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=is_secure,
        path="/",
    )


def wants_json(request: web.Request) -> bool:
    """Tell whether the page's script asks, which does not want a page."""
    return "application/json" in request.headers.get("Accept", "")


def error_page(request: web.Request, view: ErrorView, request_id: str) -> web.Response:
    """Answer an error as a page in words for customers, or as a problem document with them for the page's script."""
    if wants_json(request):
        return replace(view, facts={"notice": refusal_words(view.code), **view.facts}).answer(request_id)
    app, shop = request.app, request.app[SERVICES].config.shop
    frame = PageFrame(
        shop_name=shop.name,
        csrf="",
        publisher=shop.publisher,
        support_email=shop.support_email,
        sandbox=not app[SERVICES].is_live,
        theme=_theme(request),
        locale=language_of(request, shop.default_language),
        accent_url=app.get(ACCENT_URL),
    )
    title, detail = error_page_words(view.code, view.status)
    html = app[RENDERER].render_error(
        frame, title=title, detail=detail, request_id=request_id if view.status >= 500 else ""
    )
    return _html(app, html, status=view.status)


def language_of(request: web.Request, default: str) -> str:
    """Return the first language of Accept-Language that is one, else the shop's own."""
    for part in request.headers.get("Accept-Language", "").split(","):
        tag = part.split(";")[0].strip()
        if tag and tag != "*":
            try:
                return str(parse_locale(tag)).replace("_", "-")
            except ValueError:
                continue
    return default


def shop_json(body: bytes) -> dict[str, Any]:
    """Read a stored answer's body."""
    document: dict[str, Any] = msgspec.json.decode(body)
    return document


def _html(app: web.Application, html: str, *, status: int = 200) -> web.Response:
    targets: tuple[str, ...] = app[FORM_TARGETS]
    policy = content_security_policy(targets, _picture_origins(app[SERVICES]))
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        # Under no-referrer browsers send `Origin: null` with our own forms, and without TLS no Sec-Fetch-Site either:
        # nothing would tell our page from another site's. Other origins see as little of the address as before.
        "Referrer-Policy": "same-origin",
    }
    return web.Response(text=html, status=status, content_type="text/html", headers=headers)


def _picture_origins(services: Services) -> list[str]:
    """Return from where the shop's own pictures come, besides the shop itself."""
    catalog = services.catalogs.active
    addresses = [asset.icon for asset in catalog.assets.values()] + [one.picture for one in catalog.offers.values()]
    found = (URL(address) for address in addresses if address is not None)
    return sorted({str(url.origin()) for url in found if url.absolute})


def _theme(request: web.Request) -> str | None:
    theme = request.cookies.get(THEME_COOKIE)
    return theme if theme in ("light", "dark") else None


def _csrf_cookie(is_secure: bool) -> str:
    return SECURE_CSRF_COOKIE if is_secure else CSRF_COOKIE
