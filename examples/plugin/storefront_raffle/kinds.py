"""The offer kind ``raffle_ticket``: what an offer says, and what buying it gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storefront.core.clock import iso
from storefront.core.config import Offer
from storefront.core.errors import FieldError, Invalid
from storefront.core.kinds import Fulfilment, JsonSchema, Line
from storefront_raffle.config import RAFFLE_TICKET
from storefront_raffle.raffles import KIND, Raffle, give_tickets

MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class RaffleTicket:
    """A ticket with a number, for one draw."""

    name: str = KIND

    @property
    def schema(self) -> JsonSchema:
        return RAFFLE_TICKET

    def describe(self, offer: Offer) -> Mapping[str, Any]:
        raffle = Raffle.of(offer)
        prize = {"amount": raffle.prize_amount, "currency": raffle.prize_asset}
        return {"draws_at": iso(raffle.draws_at), "prize": prize}

    def check(self, line: Line) -> None:
        """Refuse more tickets at once than one commit should write."""
        if line.quantity > MOST_AT_ONCE:
            raise Invalid(
                f"At most {MOST_AT_ONCE} tickets are sold at once.",
                errors=[FieldError("/quantity", f"must be at most {MOST_AT_ONCE}")],
            )

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        give_tickets(
            goods.plan,
            Raffle.of(line.offer),
            customer_id=goods.customer_id,
            quantity=line.quantity,
            because_of=goods.purchase_id,
            now=goods.now,
        )
