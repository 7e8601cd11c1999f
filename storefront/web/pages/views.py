"""What the shop page shows, as plain frozen values: the templates need nothing else and decide nothing.

All texts are ready to print (sums formatted, dates worded) and not yet escaped; the templates escape them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from storefront.pages.frame import Link, PageFrame, Tone
from storefront.web.pages.owned_view import InventoryLine, OpenedPanel
from storefront.web.pages.parts_view import AssetName, ChanceLine, ContentChip, Moment, Picture
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
    ``link`` leads to the receipt of what was bought, or to the page where it is still to be paid.
    """

    tone: Tone
    text: str
    sku: str | None = None
    ask_again: str | None = None
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """Who is signed in. ``name`` is user text."""

    name: str
    initials: str


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
    until: Moment | None


@dataclass(frozen=True, slots=True)
class WalletChip:
    """The balance that can be spent now. ``top_up`` is true when the page sells this currency."""

    asset: AssetName
    amount: str
    top_up: bool


@dataclass(frozen=True, slots=True)
class PackCard:
    """A pack of virtual currency: ``figure`` ``1,200``, ``bonus`` ``150``, ``unit_price`` ``€0.83 per 100``.

    The unit price counts the bonus. ``limits`` say how often it can be bought, ``status`` why it can't be now.
    """

    sku: str
    figure: str
    asset: AssetName
    bonus: str | None
    unit_price: str
    picture: Picture
    badge: str | None
    state: ItemState
    status: str
    price: str
    tag: PriceTag | None
    limits: tuple[str, ...] = ()
    sale: SaleNote | None = None
    was: str | None = None


@dataclass(frozen=True, slots=True)
class PackShelf:
    """All packs of one currency, from small to large."""

    asset: AssetName
    packs: tuple[PackCard, ...]


@dataclass(frozen=True, slots=True)
class OtherPrice:
    """Another way to pay for the same thing: ``price`` is ``9,000 embers`` or ``$14.99``.

    ``asset`` is the virtual currency, ``was`` what it costs without the sale or the code. ``tag`` is there when it can
    be bought this way now, else ``status`` may say what is missing.
    """

    price: str
    asset: AssetName | None
    was: str | None
    tag: PriceTag | None
    status: str


@dataclass(frozen=True, slots=True)
class ItemCard:
    """Anything else on sale.

    ``price`` is what it costs: of the virtual currency ``asset``, or money. ``real_price`` is the same in money for a
    virtual price (``€4.75``). ``status`` says what the state means in words (``860 gems short``, ``In your inventory``,
    ``Back on 1 December``). ``tag`` is there only when it can be bought now; ``others`` are further ways to pay, and
    ``tops_up`` says whether the page sells what is missing. ``facts`` say what is in it and how long it lasts,
    ``limits`` how often it can be bought, ``chances`` what may come out of it. ``was`` is what it costs without the
    promo code.
    """

    sku: str
    title: str
    description: str
    picture: Picture
    badge: str | None
    state: ItemState
    status: str
    price: str
    asset: AssetName | None
    real_price: str | None
    until: Moment | None
    tag: PriceTag | None
    others: tuple[OtherPrice, ...] = ()
    tops_up: bool = False
    facts: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    chances: tuple[ChanceLine, ...] = ()
    chances_title: str = ""
    sale: SaleNote | None = None
    was: str | None = None


@dataclass(frozen=True, slots=True)
class FeaturedPanel:
    """The offer that stands first, with what is in it."""

    card: ItemCard
    contents: tuple[ContentChip, ...]


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
    ``currencies`` is empty where all is sold in one. ``opened`` is what came out of what was opened last, while the
    page's address says so. ``menu`` leads to pages of plugins.
    """

    page: PageFrame
    customer: Customer | None
    wallet: WalletChip | None
    other_wallets: tuple[WalletChip, ...]
    notice: Notice | None
    featured: FeaturedPanel | None
    shelves: tuple[PackShelf, ...]
    items: tuple[ItemCard, ...]
    inventory: tuple[InventoryLine, ...]
    prices_note: str
    payment: PaymentChoice | None = None
    wallet_notes: tuple[str, ...] = ()
    purchases: tuple[PurchaseLine, ...] = ()
    currencies: tuple[CurrencyLink, ...] = ()
    promo: PromoChoice | None = None
    invitation: str | None = None
    opened: OpenedPanel | None = None
    menu: tuple[Link, ...] = ()
