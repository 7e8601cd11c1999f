"""What the shop page shows, as plain frozen values: the templates need nothing else and decide nothing.

All texts are ready to print (sums formatted, dates worded) and not yet escaped; the templates escape them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup

from storefront.pages.amounts import AssetName
from storefront.pages.frame import Moment, PageFrame, Tone
from storefront.web.pages.paying_view import PaymentChoice


class ItemState(StrEnum):
    """What a customer can do with an offer right now."""

    GET = "get"
    OWNED = "owned"
    SHORT = "short"
    SOLD_OUT = "sold_out"
    LIMIT_REACHED = "limit_reached"
    BACK_ON = "back_on"
    LOOK_ONLY = "look_only"


@dataclass(frozen=True, slots=True)
class PaymentView:
    """How to pay by hand: ``amount`` as people write it, ``state`` awaiting, received or voided."""

    page: PageFrame
    instructions: str
    amount: str
    title: str
    reference: str
    state: str
    back_url: str


@dataclass(frozen=True, slots=True)
class Notice:
    """News from the last request; with ``sku`` it stands on that offer's card, else at the top.

    ``ask_again`` is the address that the page goes to by itself after a few seconds: it waits for something.
    ``receipt`` is the address of the receipt of what was bought.
    """

    tone: Tone
    text: str
    sku: str | None = None
    ask_again: str | None = None
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """Who is signed in. ``name`` is user text."""

    name: str
    initials: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Drawn art and the class of the tile under it."""

    art: Markup
    tint: str


@dataclass(frozen=True, slots=True)
class AmountField:
    """Where a buyer says what they want to pay: numbers in whole units as browsers write them (``5.00``).

    ``id`` is the field's own; ``label`` says between what (``€1.00 to €100.00``); ``unit`` stands before the field.
    """

    id: str
    label: str
    unit: str
    value: str
    least: str
    most: str
    step: str


@dataclass(frozen=True, slots=True)
class PriceTag:
    """One way to buy: the label on the button and the hidden fields of its form.

    ``name`` is the whole sentence for screen readers. ``fields`` goes to ``POST /shop/buy``: ``sku``, ``currency``,
    ``pay_with`` (``wallet``, or left out for the gateway), ``expected_price`` (minor units) and ``idempotency_key``.
    ``amount`` is there where the buyer says what they pay.
    """

    label: str
    name: str
    fields: Mapping[str, str]
    amount: AmountField | None = None


@dataclass(frozen=True, slots=True)
class SaleNote:
    """A sale that is on: what it costs without, what it is called, and when it ends."""

    list_price: str
    label: str | None
    until: "Moment | None"


@dataclass(frozen=True, slots=True)
class WalletChip:
    """The balance that can be spent now. ``top_up`` is true when the page sells this currency."""

    asset: AssetName
    amount: str
    top_up: bool


@dataclass(frozen=True, slots=True)
class PackCard:
    """A pack of virtual currency: ``figure`` ``1,200``, ``unit_price`` ``€0.83 per 100``."""

    sku: str
    figure: str
    asset: AssetName
    unit_price: str
    picture: Picture
    badge: str | None
    state: ItemState
    price: str
    tag: PriceTag | None
    sale: SaleNote | None = None
    was: str | None = None


@dataclass(frozen=True, slots=True)
class ChanceLine:
    """One line of a container's odds: ``60%`` (or ``Always``) and ``2 × Health potion``."""

    chance: str
    label: str


@dataclass(frozen=True, slots=True)
class ItemCard:
    """Anything else on sale.

    ``price`` is what it costs, ``real_price`` the same in money for a virtual price (``€4.75``). ``status`` says
    what the state means in words (``860 gems short``, ``In your inventory``, ``Back on 1 December``). ``tag`` is
    there only when it can be bought now; ``other_tags`` are further ways to pay. ``facts`` say what is in it and how
    long it lasts, ``chances`` what may come out of it. ``was`` is what it costs without the promo code.
    """

    sku: str
    title: str
    description: str
    picture: Picture
    badge: str | None
    state: ItemState
    status: str
    price: str
    is_virtual_price: bool
    real_price: str | None
    until: Moment | None
    tag: PriceTag | None
    other_tags: tuple[PriceTag, ...]
    facts: tuple[str, ...] = ()
    chances: tuple[ChanceLine, ...] = ()
    chances_title: str = ""
    sale: SaleNote | None = None
    was: str | None = None


@dataclass(frozen=True, slots=True)
class ContentChip:
    """One part of a bundle: ``1,200 gems``, ``Rime Boots``."""

    label: str
    picture: Picture


@dataclass(frozen=True, slots=True)
class FeaturedPanel:
    """The offer that stands first, with what is in it."""

    card: ItemCard
    contents: tuple[ContentChip, ...]


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """One thing the customer owns. ``use_fields`` goes to ``POST /shop/consume`` and is there for consumables."""

    sku: str
    title: str
    picture: Picture
    status: str
    use_fields: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Link:
    """Where to go on; ``label`` says what is there."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class CurrencyLink:
    """A real currency that prices can be shown and paid in: its code, and how people call it."""

    code: str
    name: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """One of the last purchases for money: ``status`` says how far it is or what it cost, ``link`` goes on from it."""

    title: str
    status: str
    link: Link | None


@dataclass(frozen=True, slots=True)
class PromoChoice:
    """The promo code that the reader has entered on the page, as people read it, and what it stands for; or none."""

    code: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class ShopView:
    """The whole shop page. ``customer`` is ``None`` for a visitor, who sees the catalog and cannot buy.

    ``payment`` is how they pay in money, where a gateway keeps cards. ``wallet_notes`` say what of the wallets cannot
    be used, or is owed. ``invitation`` is the referral code that brought the reader here, while they may use it.
    ``currencies`` is empty where all is sold in one. ``menu`` leads to pages of plugins.
    """

    page: PageFrame
    customer: Customer | None
    wallet: WalletChip | None
    other_wallets: tuple[WalletChip, ...]
    notice: Notice | None
    featured: FeaturedPanel | None
    currency_name: AssetName | None
    packs: tuple[PackCard, ...]
    items: tuple[ItemCard, ...]
    inventory: tuple[InventoryLine, ...]
    prices_note: str
    payment: PaymentChoice | None = None
    wallet_notes: tuple[str, ...] = ()
    purchases: tuple[PurchaseLine, ...] = ()
    currencies: tuple[CurrencyLink, ...] = ()
    promo: PromoChoice | None = None
    invitation: str | None = None
    menu: tuple[Link, ...] = ()
