"""What the checkout page shows of a session, read in one transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from markupsafe import Markup

from storefront.design.art import art, gem_pile, kind_of, tint_class
from storefront.design.money import exponent_of, format_count, format_money
from storefront.sandbox import currencies
from storefront.sandbox.checkout_sessions import return_url
from storefront.sandbox.payments import intent_of, is_challenged
from storefront.sandbox.store import Body
from storefront.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the receipt, ready to print."""

    name: str
    detail: str
    amount: str
    art: Markup
    tint: str


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax line of the receipt."""

    label: str
    amount: str


@dataclass(frozen=True, slots=True)
class View:
    """A session as the page needs it; ``state`` is open, challenge, paid, expired or unknown."""

    state: str
    now: int
    session: Body | None = None
    email: str | None = None
    total: str = ""
    lines: tuple[Line, ...] = ()
    success_url: str = ""
    return_origins: tuple[str, ...] = ()
    card_number: str = ""  # of the card that was tried last, as it was typed
    last_error: Body | None = None
    is_free: bool = False
    is_held: bool = False
    is_setup: bool = False
    is_under_way: bool = False  # a debit that takes days
    takes_card: bool = True
    takes_debit: bool = False
    country: str | None = None  # where the buyer lives, once tax needs it and knows
    asks_country: bool = False
    tax: Tax | None = None
    theme: str | None = None  # light or dark, when the buyer chose one in the shop


def view_of(world: World, session_id: str, locale: str, theme: str | None) -> View:
    """Read a session for its page; never raises for an unknown id."""
    session = world.records.find("checkout.session", session_id)
    if session is None:
        return View("unknown", world.now, theme=theme)
    hidden = world.records.hidden(session_id)
    intent = intent_of(world, session)
    is_setup = session["mode"] == "setup"
    is_taxed = bool(session["automatic_tax"]["enabled"])
    addresses = [url for url in (session["success_url"], session["cancel_url"]) if url]
    return View(
        state=_state(world, session),
        now=world.now,
        session=session,
        email=(session["customer_details"] or {}).get("email"),
        total="" if is_setup else sum_text(session["amount_total"], session["currency"], locale),
        lines=tuple(
            _line(item, product, locale) for item, product in zip(hidden["line_items"], hidden["products"], strict=True)
        ),
        success_url=return_url(session),
        return_origins=tuple(sorted({"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in addresses})),
        card_number=_card_number(world, intent),
        last_error=intent["last_setup_error" if is_setup else "last_payment_error"] if intent else None,
        is_free=session["amount_total"] == 0,
        is_held=bool(intent and intent["status"] == "requires_capture"),
        is_setup=is_setup,
        is_under_way=bool(intent and intent["status"] == "processing"),
        takes_card="card" in session["payment_method_types"],
        takes_debit="sepa_debit" in session["payment_method_types"],
        country=hidden.get("country"),
        asks_country=is_taxed and "country" not in hidden,
        tax=_tax(session, hidden, locale),
        theme=theme,
    )


def _tax(session: Body, hidden: Body, locale: str) -> Tax | None:
    taxes = (hidden.get("breakdown") or {}).get("taxes") or []
    if not taxes or session["total_details"] is None:
        return None
    rate = taxes[0]["rate"]
    note = ", included" if all(tax["rate"]["inclusive"] for tax in taxes) else ""
    label = f"{rate['display_name']} {rate['percentage']:g} %{note}"
    return Tax(label, sum_text(session["total_details"]["amount_tax"], session["currency"], locale))


def _state(world: World, session: Body) -> str:
    if session["status"] == "open":
        return "challenge" if is_challenged(world, session) else "open"
    return "paid" if session["status"] == "complete" else "expired"


def _card_number(world: World, intent: Body | None) -> str:
    if intent is None or intent["payment_method"] is None:
        return ""
    digits = str(world.records.hidden(intent["payment_method"]).get("number", ""))
    return " ".join(re.findall(r"\d{1,4}", digits))


def _line(item: Body, product: Body, locale: str) -> Line:
    name, quantity = product["name"], item["quantity"]
    sku = (product.get("metadata") or {}).get("sku") or name
    kind = kind_of(sku)
    if kind in ("default", "gem"):
        kind = kind_of(name)
    if kind.startswith("gem"):
        figures = re.search(r"\d[\d,.\u00a0]*", name)
        kind = gem_pile(int(re.sub(r"\D", "", figures[0])) if figures else 1)
    details = [product.get("description") or ""]
    if quantity > 1:
        each = sum_text(item["price"]["unit_amount"], item["currency"], locale)
        details.insert(0, f"{format_count(quantity, locale)} × {each}")
    return Line(
        name=name,
        detail=" · ".join(detail for detail in details if detail),
        amount=sum_text(item["amount_total"], item["currency"], locale),
        art=art(kind, sku),
        tint=tint_class(kind, sku),
    )


def sum_text(amount: int, currency: str, locale: str) -> str:
    """A sum as the reader writes it; Stripe's minor units become those of ISO 4217 first."""
    shift = exponent_of(currency.upper()) - currencies.exponent(currency)
    minor = amount * 10**shift if shift >= 0 else amount // 10**-shift
    return format_money(minor, currency.upper(), locale)


def chosen_theme(cookie: str | None) -> str | None:
    """The theme in the shop's own cookie, which comes along when both live on one host."""
    return cookie if cookie in ("light", "dark") else None


def wished_locale(header: str) -> str:
    """The language tag that an ``Accept-Language`` header wishes for most; English without one."""
    wishes: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, quality = part.strip().partition(";q=")
        if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", tag):
            weight = float(quality) if re.fullmatch(r"[01](\.\d{1,3})?", quality) else 1.0
            wishes.append((weight, tag))
    return max(wishes, key=lambda wish: wish[0])[1] if wishes else "en"
