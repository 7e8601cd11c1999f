"""What the shop's pages know of a browser: its language, theme, CSRF cookie; and how a page is answered."""

import secrets
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from storefront.core.services import Services
from storefront.design.money import parse_locale
from storefront.routing import Call
from storefront.web.errors import ErrorView
from storefront.web.pages import PageFrame, Renderer, ShopView, content_security_policy
from storefront.web.services import SERVICES, TOKENS

RENDERER = web.AppKey("RENDERER", Renderer)
FORM_TARGETS: web.AppKey[tuple[str, ...]] = web.AppKey("FORM_TARGETS")
ACCENT_URL = web.AppKey("ACCENT_URL", str)

CSRF_COOKIE = "storefront_csrf"
THEME_COOKIE = "theme"
SESSION_COOKIE = "storefront_session"
SECURE_SESSION_COOKIE = "__Host-storefront_session"
SESSION_SECONDS = 900
CSRF_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser's wishes, read from its request."""

    app: web.Application
    language: str
    theme: str | None
    csrf_cookie: str | None
    csrf: str
    is_secure: bool

    @classmethod
    def of(cls, call: Call) -> "Browser":
        request = call.request
        cookie = request.cookies.get(CSRF_COOKIE)
        theme = request.cookies.get(THEME_COOKIE)
        return cls(
            app=call.app,
            language=language_of(request, call.app[SERVICES].config.shop.default_language),
            theme=theme if theme in ("light", "dark") else None,
            csrf_cookie=cookie,
            csrf=cookie or secrets.token_urlsafe(24),
            is_secure=call.app[SERVICES].public_url.startswith("https://"),
        )

    def render_shop(self, view: ShopView) -> web.Response:
        """Answer the shop page, with the CSRF cookie that its forms must match."""
        response = _html(self.app, self.app[RENDERER].render_shop(view))
        response.set_cookie(
            CSRF_COOKIE,
            self.csrf,
            max_age=CSRF_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=self.is_secure,
            path="/",
        )
        return response


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
        direction=_direction(browser.language),
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


def error_page(request: web.Request, view: ErrorView, request_id: str) -> web.Response:
    """Answer an error as a page, or as a problem document where the page's script asked for JSON."""
    if "application/json" in request.headers.get("Accept", ""):
        return view.answer(request_id)
    app = request.app
    services = app[SERVICES]
    language = language_of(request, services.config.shop.default_language)
    frame = PageFrame(
        shop_name=services.config.shop.name,
        csrf="",
        publisher=services.config.shop.publisher,
        support_email=services.config.shop.support_email,
        sandbox=not services.is_live,
        theme=request.cookies.get(THEME_COOKIE) if request.cookies.get(THEME_COOKIE) in ("light", "dark") else None,
        locale=language,
        direction=_direction(language),
        accent_url=app.get(ACCENT_URL),
    )
    html = app[RENDERER].render_error(frame, title=view.title, detail=view.detail, request_id=request_id)
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
    policy = content_security_policy(targets)
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return web.Response(text=html, status=status, content_type="text/html", headers=headers)


def _direction(language: str) -> str:
    return str(parse_locale(language).text_direction)
