"""One browser in front of a page: its language, its theme, the secret that its forms must match, its session."""

import hmac
import secrets
from dataclasses import dataclass

from aiohttp import hdrs, web
from yarl import URL

from storefront.core.errors import Forbidden, Unauthorized
from storefront.core.services import Services
from storefront.design.money import parse_locale
from storefront.pages.frame import PageFrame
from storefront.pages.keys import SERVICES, TOKENS
from storefront.pages.rendering import FORM_TARGETS, answer_page, is_form_target
from storefront.routing import Call

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
            theme=theme_of(request),
            secret=secret,
            csrf=csrf,
            expected_csrf=csrf if cookie else None,
            is_secure=is_secure,
        )

    def may_lead_to(self, address: str) -> bool:
        """Tell whether a form's answer may redirect there: browsers hold it to the page's ``form-action``.

        A bank's own page may lie anywhere; a link on a page of ours leads there.
        """
        targets: tuple[str, ...] = self.app[FORM_TARGETS]
        return is_form_target(address, (self.app[SERVICES].public_url, *targets))

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

    def answer(self, html: str) -> web.Response:
        """Answer a page without forms."""
        return answer_page(self.app, html)

    def answer_with_forms(self, html: str) -> web.Response:
        """Answer a page, with the cookie that its forms must match."""
        response = answer_page(self.app, html)
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


def check_csrf(call: Call) -> None:
    """Refuse (``Forbidden``) a form of another site, or of another customer's page; its body holds ``csrf``."""
    expected = Browser.of(call).expected_csrf
    if expected is None or not hmac.compare_digest(expected.encode(), call.body["csrf"].encode()):
        raise Forbidden("This page is too old. Load it again and try once more.")


def refuse_other_sites(call: Call) -> None:
    """Refuse (``Forbidden``) a form of another site, by the browser's word.

    For forms that come before anybody is signed in, so that nobody is signed in to somebody else's page. Without TLS
    browsers say less, and of pages that send no referrer nothing (``null``).
    """
    headers, own = call.request.headers, str(URL(call.app[SERVICES].public_url).origin())
    site, origin = headers.get("Sec-Fetch-Site"), headers.get(hdrs.ORIGIN)
    if site not in (None, "same-origin") or (site is None and origin not in (None, "null", own)):
        raise Forbidden("This form came from another site.")


def reader_of(call: Call) -> str:
    """Return whose page sent this form; raises ``Unauthorized`` after their session, and what ``check_csrf`` does."""
    customer_id = call.principal.customer_id
    if customer_id is None:
        raise Unauthorized("This session has ended.")
    check_csrf(call)
    return customer_id


def page_frame(call: Call, services: Services, browser: Browser) -> PageFrame:
    """Return what every page shares."""
    return frame_of(call.request, services, csrf=browser.csrf)


def frame_of(request: web.Request, services: Services, *, csrf: str) -> PageFrame:
    """Return a page's frame for a request; without forms ``csrf`` is empty."""
    shop = services.config.shop
    return PageFrame(
        shop_name=shop.name,
        csrf=csrf,
        publisher=shop.publisher,
        support_email=shop.support_email,
        sandbox=not services.is_live,
        theme=theme_of(request),
        locale=language_of(request, shop.default_language),
        accent_url=request.app.get(ACCENT_URL),
    )


def keep_playing(call: Call, response: web.StreamResponse, external_id: str) -> None:
    """Renew a sandbox player's session while they look around; a live session ends when its token does."""
    customer_id = call.principal.customer_id
    if customer_id is not None and not call.app[SERVICES].is_live:
        set_session(call, response, customer_id, external_id)


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


def theme_of(request: web.Request) -> str | None:
    """Return the theme that a browser's reader chose, if they did."""
    theme = request.cookies.get(THEME_COOKIE)
    return theme if theme in ("light", "dark") else None


def _csrf_cookie(is_secure: bool) -> str:
    return SECURE_CSRF_COOKIE if is_secure else CSRF_COOKIE
