"""The bank's own page: asks whether the holder of a card wants a payment or a set-up, and leads back."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from storefront.sandbox import attempts, page_view, setups
from storefront.sandbox.pages import Pages, page_headers, posted_fields, see_other
from storefront.sandbox.sandbox import Sandbox
from storefront.sandbox.store import Body
from storefront.sandbox.world import World

KINDS = ("payment_intent", "setup_intent")


@dataclass(frozen=True, slots=True)
class Question:
    """What the bank asks about; ``state`` is asked, answered or unknown."""

    state: str
    theme: str | None
    intent: Body | None = None
    amount: str = ""  # empty for a set-up: no money moves
    card: str = ""  # the last four digits
    return_url: str = ""
    return_origins: tuple[str, ...] = ()


class BankPages:
    """Handlers of ``/authenticate/<intent>/<client secret>``."""

    def __init__(self, sandbox: Sandbox, pages: Pages) -> None:
        self._sandbox = sandbox
        self._pages = pages

    def routes(self) -> list[web.RouteDef]:
        """The page; its files are those of the checkout page."""
        return [
            web.get("/authenticate/{intent}/{secret}", self.show),
            web.post("/authenticate/{intent}/{secret}", self.submit),
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The question, or what became of it."""
        return self._page(await self._question(request))

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """Answer it: ``challenge=pass|fail``, then 303 to the caller's ``return_url``."""
        fields = await posted_fields(request)
        question = await self._question(request)
        if question.intent is not None and question.state == "asked" and fields.get("challenge") in ("pass", "fail"):
            intent_id = question.intent["id"]
            is_passed = fields["challenge"] == "pass"
            await self._sandbox.act(lambda world: _answer(world, intent_id, is_passed=is_passed))
            question = await self._question(request)
        if question.state == "answered" and question.return_url:
            return see_other(question.return_url)
        return self._page(question)

    async def _question(self, request: web.Request) -> Question:
        intent_id, secret = request.match_info["intent"], request.match_info["secret"]
        locale = page_view.wished_locale(request.headers.get("Accept-Language", ""))
        theme = page_view.chosen_theme(request.cookies.get("theme"))
        return await self._sandbox.act(lambda world: _look(world, intent_id, secret, locale, theme))

    def _page(self, question: Question) -> web.Response:
        text = self._pages.render("authenticate.html", view=question, shop=self._sandbox.shop_name)
        status = 404 if question.state == "unknown" else 200
        headers = page_headers(question.return_origins)
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def _find(world: World, intent_id: str) -> Body | None:
    found = (world.records.find(kind, intent_id) for kind in KINDS)
    return next((intent for intent in found if intent is not None), None)


def _look(world: World, intent_id: str, secret: str, locale: str, theme: str | None) -> Question:
    intent = _find(world, intent_id)
    if intent is None or not hmac.compare_digest(intent["client_secret"].encode(), secret.encode()):
        return Question("unknown", theme)
    method = world.records.find("payment_method", intent["payment_method"] or "")
    back = _way_back(world, intent)
    parts = urlsplit(back)
    return Question(
        state="asked" if intent["status"] == "requires_action" else "answered",
        theme=theme,
        intent=intent,
        amount=page_view.sum_text(intent["amount"], intent["currency"], locale) if "amount" in intent else "",
        card=method["card"]["last4"] if method and method["type"] == "card" else "",
        return_url=back,
        return_origins=(f"{parts.scheme}://{parts.netloc}",) if back else (),
    )


def _way_back(world: World, intent: Body) -> str:
    """The caller's address with Stripe's three parameters added; empty when none was given."""
    url: str = world.records.hidden(intent["id"]).get("return_url") or ""
    if not url:
        return ""
    kind = intent["object"]
    is_good = intent["status"] in ("succeeded", "requires_capture", "processing")
    parts = urlsplit(url)
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        (kind, intent["id"]),
        (f"{kind}_client_secret", intent["client_secret"]),
        ("redirect_status", "succeeded" if is_good else "failed"),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _answer(world: World, intent_id: str, *, is_passed: bool) -> None:
    intent = _find(world, intent_id)
    assert intent is not None, "it was just shown, and intents stay"
    if intent["object"] == "setup_intent":
        setups.answer(world, intent, is_passed=is_passed)
    else:
        attempts.answer(world, intent, is_passed=is_passed)
