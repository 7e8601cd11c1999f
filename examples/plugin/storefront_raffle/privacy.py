"""What of the plugin's tables is about a customer: who holds which ticket. All of it is under our own id of them."""

from collections.abc import Sequence

from storefront.core.privacy.register import Held, by
from storefront_raffle.tables import draws, tickets

REGISTER: Sequence[Held] = (
    Held(tickets, by("customer_id"), plain="raffle number customer_id purchase_id bought_at"),
    Held(draws, by("customer_id"), plain="raffle number customer_id drawn_at"),
)
