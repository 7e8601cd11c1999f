"""What a receipt's page shows, as plain frozen values, ready to print and not yet escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from babel.dates import format_date

from storefront.core.countries import country_name
from storefront.design.money import format_money, parse_locale
from storefront.pages.frame import Moment, PageFrame


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the paper: its words and its sum."""

    label: str
    amount: str


@dataclass(frozen=True, slots=True)
class CreditNote:
    """What was given back later, under a number of its own."""

    label: str
    issued: Moment
    amount: str
    taxes: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """A receipt. ``label`` is None until it is numbered; so long the page looks again by itself (``ask_again``)."""

    page: PageFrame
    label: str | None
    seller: str
    seller_lines: tuple[str, ...]
    sold: Moment
    issued: Moment | None
    total: str
    lines: tuple[Figure, ...]
    contents: tuple[str, ...]
    net: Figure | None
    taxes: tuple[Figure, ...]
    paid_with: str | None
    purchase_id: str
    customer: str
    is_test: bool
    jws: str | None
    credit_notes: tuple[CreditNote, ...]

    @property
    def ask_again(self) -> bool:
        return self.label is None


def build_receipt_view(receipt: Mapping[str, Any], *, page: PageFrame) -> ReceiptView:
    """Build the page from ``GET /v1/purchases/{id}/receipt``."""
    document, language = receipt["document"], page.locale
    seller, gateway = document["seller"], document["gateway"]
    tax_id = [] if seller["tax_id"] is None else [f"Tax number {seller['tax_id']}"]
    country = [] if seller["country"] is None else [country_name(seller["country"])]
    taxes = tuple(_tax(line, language) for line in document["tax"])
    return ReceiptView(
        page=page,
        label=receipt["label"],
        seller=seller["name"],
        seller_lines=(*seller["address"], *country, *tax_id),
        sold=_moment(document["purchase"]["completed_at"], language),
        issued=None if receipt["issued_at"] is None else _moment(receipt["issued_at"], language),
        total=_sum(document["total"], language),
        lines=tuple(_goods(line, language) for line in (*document["lines"], *document["discounts"])),
        contents=tuple(_named(line) for line in document.get("contents", ())),
        net=Figure("Net", _sum(document["net"], language)) if taxes else None,
        taxes=taxes,
        paid_with=None if gateway is None else gateway["payment"],
        purchase_id=document["purchase"]["id"],
        customer=document["customer"],
        is_test=document["mode"] == "sandbox",
        jws=receipt["jws"],
        credit_notes=_notes(receipt["credit_notes"], language),
    )


def _tax(line: Mapping[str, Any], language: str) -> Figure:
    rate = "" if line.get("percent") is None else f"{line['percent']}% "
    label = f"{rate}{line.get('name', 'Tax')} ({country_name(line['jurisdiction'])})"
    return Figure(label, _sum(line["total"], language))


def _goods(line: Mapping[str, Any], language: str) -> Figure:
    return Figure(_named(line), _sum(line["total"], language))


def _named(line: Mapping[str, Any]) -> str:
    quantity = line.get("quantity", 1)
    return str(line["title"]) if quantity == 1 else f"{quantity} × {line['title']}"


def _notes(notes: Sequence[Mapping[str, Any]], language: str) -> tuple[CreditNote, ...]:
    return tuple(
        CreditNote(
            label=note["label"],
            issued=_moment(note["issued_at"], language),
            amount=_sum(note["document"]["total"], language),
            taxes=tuple(_given_back(_tax(line, language)) for line in note["document"]["tax"]),
        )
        for note in notes
    )


def _given_back(figure: Figure) -> Figure:
    return Figure(figure.label, f"\N{MINUS SIGN}{figure.amount}")


def _sum(money: Mapping[str, Any], language: str) -> str:
    return format_money(money["amount"], money["currency"], language)


def _moment(text: str, language: str) -> Moment:
    instant = datetime.fromisoformat(text)
    return Moment.at(instant, format_date(instant, "long", locale=parse_locale(language)))
