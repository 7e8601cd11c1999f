"""The ways to pay in money, as the shop page offers them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SAVE = "save"
"""The choice of another card that shall be saved."""


@dataclass(frozen=True, slots=True)
class PaymentOption:
    """One way to pay. ``forgets`` is the id of the saved card that can be forgotten here."""

    value: str
    label: str
    is_chosen: bool
    forgets: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentChoice:
    """All of them, and what the chosen one means: hidden fields of every form that costs money, and words.

    ``pays_at_once`` names the saved card that a price tag charges without a further question.
    """

    options: tuple[PaymentOption, ...]
    fields: Mapping[str, str]
    pays_at_once: str | None


def choose_payment(saved: Sequence[Mapping[str, Any]], chosen: str | None) -> PaymentChoice:
    """Build the choice from saved methods (of ``GET /v1/payment-methods``), the oldest first.

    Nobody having chosen (None) means the newest saved card; one that is not there (any more) means another card.
    """
    if chosen is None:
        chosen = saved[-1]["id"] if saved else ""
    names = {one["id"]: _name(one) for one in saved}
    other = "Another card" if saved else "A card, entered each time"
    saving = "Another card, saved for next time" if saved else "A card, saved for next time"
    chosen = chosen if chosen in names or chosen == SAVE else ""
    options = [PaymentOption(one, name, chosen == one, forgets=one) for one, name in names.items()]
    options += [PaymentOption("", other, chosen == ""), PaymentOption(SAVE, saving, chosen == SAVE)]
    fields: dict[str, str] = {}
    if chosen in names:
        fields = {"payment_method": chosen}
    elif chosen == SAVE:
        fields = {"save_payment_method": "yes"}
    return PaymentChoice(tuple(options), fields, names.get(chosen))


def _name(method: Mapping[str, Any]) -> str:
    brand = str(method["brand"] or method["kind"]).replace("_", " ")
    brand = brand[:1].upper() + brand[1:]
    # No line may break inside it: hence the spaces that hold.
    return f"{brand}\u00a0••••\u00a0{method['last4']}" if method["last4"] else brand
