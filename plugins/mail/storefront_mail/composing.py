"""What stands in a mail: an event's facts in the reader's language, and the message that is made of them."""

from collections.abc import Mapping
from datetime import date
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from babel.dates import format_date
from babel.dates import format_datetime as format_moment

from storefront.core.catalog import text_in
from storefront.core.clock import parse_iso, to_datetime
from storefront.core.countries import country_name
from storefront.core.payment_methods import chosen_method
from storefront.core.quotes import WALLET
from storefront.core.receipts.reading import show_receipt
from storefront.core.services import Services
from storefront.design.money import format_money, format_virtual, parse_locale
from storefront_mail.config import Settings
from storefront_mail.templates import VARIABLES, Text, language_of, one_line, render

UNSUBSCRIBE = "/mail/unsubscribe/{token}"


async def compose(
    services: Services,
    settings: Settings,
    row: Mapping[str, Any],
    address: Mapping[str, Any],
    payload: Mapping[str, Any],
) -> tuple[EmailMessage, Mapping[str, Any]]:
    """Return the mail of a row for an address, and the variables that stand in it.

    Raises:
        TemplateError: the template cannot be rendered.
    """
    mailing, token = settings.mailings.get(row["event_type"]), address["token"]
    is_necessary = mailing is None or mailing.is_necessary
    url = None if is_necessary else services.public_url + UNSUBSCRIBE.format(token=token)
    wanted = [address["language"], settings.language, services.config.shop.default_language]
    language = language_of(settings.templates, row["template"], [one for one in wanted if one])
    values = await values_of(services, payload, language=language, unsubscribe_url=url)
    values["is_off"] = _is_past(payload["data"], row["occurred_at"])
    text = render(settings.templates, row["template"], language, values)
    return message_of(services, settings, row, text, to=address["email"], unsubscribe_url=url), values


async def values_of(
    services: Services, payload: Mapping[str, Any], *, language: str, unsubscribe_url: str | None
) -> dict[str, Any]:
    """Return every variable of the templates; what the event does not tell is empty."""
    told, shop = payload["data"], services.config.shop
    values: dict[str, Any] = dict.fromkeys(VARIABLES, "") | {
        "event": payload["type"],
        "language": language,
        "shop_name": shop.name,
        "shop_url": f"{services.public_url}/shop",
        "account_url": f"{services.public_url}/account",
        "support_email": shop.support_email or "",
        "unsubscribe_url": unsubscribe_url or "",
        "title": _title(services, told, language),
        "amount": _money(services, told.get("total") or told.get("amount") or told.get("after"), language),
        "before": _money(services, told.get("before"), language),
        "quantity": told.get("quantity", ""),
        "asset": told.get("asset", ""),
        "link": told.get("redirect_url") or "",
        "date": _day(told.get("at"), language),
        "method": await _method(services, told.get("method")),
        "card_expires": _month(told.get("expires"), language),
        "credit": _credit(services, told.get("credit"), language),
        "resumes": _day(told.get("resume_at"), language),
        "is_wallet": told.get("pay_with") == WALLET or _is_virtual(services, told.get("credit")),
        "next_attempt": _day(told.get("next_attempt_at") or told.get("retry_at"), language),
        "access_until": _day(told.get("access_until"), language),
        "expires": _moment(told.get("expires_at"), language),
        "lines": [],
        "taxes": [],
    }
    if payload["type"] == "purchase.completed":
        values |= await _receipt(services, payload["subject"], language)
    return values


def message_of(
    services: Services,
    settings: Settings,
    row: Mapping[str, Any],
    text: Text,
    *,
    to: str,
    unsubscribe_url: str | None,
) -> EmailMessage:
    """Return the message; of the same row it always has the same Message-ID and date, so that a repetition is seen.

    The library refuses line ends in headers; what others have a hand in (the subject) is one line already.
    """
    message = EmailMessage(policy=SMTP)
    user, _, domain = settings.sender.rpartition("@")
    message["From"] = Address(one_line(services.config.shop.name), user, domain)
    message["To"] = to
    message["Subject"] = text.subject
    message["Date"] = format_datetime(to_datetime(row["occurred_at"]))
    message["Message-ID"] = row["message_id"]
    message["Auto-Submitted"] = "auto-generated"
    if settings.reply_to is not None:
        message["Reply-To"] = settings.reply_to
    if unsubscribe_url is not None:
        message["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text.plain)
    message.add_alternative(text.html, subtype="html")
    return message


async def _method(services: Services, method_id: str | None) -> str:
    """Name a saved method as its owner knows it: ``Visa •••• 4242``."""
    if not method_id:
        return ""
    method = await chosen_method(services, method_id)
    brand = str(method["brand"] or method["kind"]).replace("_", " ")
    name = one_line(brand[:1].upper() + brand[1:])
    return f"{name}\N{NO-BREAK SPACE}••••\N{NO-BREAK SPACE}{method['last4']}" if method["last4"] else name


async def _receipt(services: Services, purchase_id: str, language: str) -> dict[str, Any]:
    receipt = await show_receipt(services, purchase_id, owner=None)
    document = receipt["document"]
    seller = document["seller"]
    country = None if seller["country"] is None else country_name(seller["country"], language)
    told = (seller["name"], *seller["address"], country, seller["tax_id"])
    lines = [*document["lines"], *document["discounts"]]
    return {
        "receipt": receipt["label"] or "",
        "date": _day(document["purchase"]["completed_at"], language),
        "amount": _money(services, document["total"], language),
        "net": _money(services, document["net"], language),
        "lines": [(_goods(line), _money(services, line["total"], language)) for line in lines],
        "taxes": [(_tax(line, language), _money(services, line["total"], language)) for line in document["tax"]],
        "seller": "\n".join(one_line(part) for part in told if part),
    }  # fmt: skip


def _goods(line: Mapping[str, Any]) -> str:
    quantity = line.get("quantity", 1)
    return one_line(str(line["title"]) if quantity == 1 else f"{quantity} × {line['title']}")


def _tax(line: Mapping[str, Any], language: str) -> str:
    """Name a tax: its rate, its own name, its country."""
    rate = "" if line.get("percent") is None else f"{line['percent']}%"
    told = (rate, line.get("name", "Tax"), f"({country_name(line['jurisdiction'], language)})")
    return one_line(" ".join(part for part in told if part))


def _title(services: Services, told: Mapping[str, Any], language: str) -> str:
    """Name the offer or asset that an event is about; a test mail is about none, and may find no catalog yet."""
    named = told.get("sku") or told.get("asset")
    if not named:
        return ""
    catalog = services.catalogs.active
    thing = catalog.offers.get(named) or catalog.assets.get(named)
    return one_line((None if thing is None else text_in(thing.title, language, catalog.default_language)) or named)


def _money(services: Services, told: Mapping[str, Any] | None, language: str) -> str:
    if told is None:
        return ""
    catalog = services.catalogs.active
    asset = catalog.assets.get(told["currency"])
    if asset is None:
        return format_money(told["amount"], told["currency"], language)
    name = text_in(asset.title, language, catalog.default_language) or told["currency"]
    return format_virtual(told["amount"], name, language, exponent=asset.exponent)


def _credit(services: Services, told: Mapping[str, Any] | None, language: str) -> str:
    """Write what a pause credits; nothing where it credits nothing."""
    return _money(services, told, language) if told is not None and told["amount"] else ""


def _is_virtual(services: Services, told: Mapping[str, Any] | None) -> bool:
    return told is not None and services.catalogs.active.is_virtual(told["currency"])


def _month(told: str | None, language: str) -> str:
    """Write the month to whose end a card is good, as ``2027-01`` tells it: January 2027."""
    if not told:
        return ""
    year, month = (int(part) for part in told.split("-"))
    return str(format_date(date(year, month, 1), "LLLL y", locale=parse_locale(language)))


def _day(told: str | None, language: str) -> str:
    if not told:
        return ""
    return str(format_date(to_datetime(parse_iso(told)), "long", locale=parse_locale(language)))


def _is_past(told: Mapping[str, Any], occurred_at: int) -> bool:
    """Tell whether the access that an event tells of was over when it happened (business ms)."""
    until = told.get("access_until") or told.get("at")
    return until is not None and parse_iso(until) <= occurred_at


def _moment(told: str | None, language: str) -> str:
    if not told:
        return ""
    return str(format_moment(to_datetime(parse_iso(told)), "long", locale=parse_locale(language)))
