"""The balance of an account: what it may pay out now, and what is on its way to it."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import exchange
from storefront.sandbox.errors import ApiError, invalid
from storefront.sandbox.operations import Operation
from storefront.sandbox.params import EXPAND, Checked
from storefront.sandbox.store import PLATFORM, Body
from storefront.sandbox.world import World

_SUMS = """
SELECT json_extract(body, '$.currency'),
       total(json_extract(body, '$.net')) FILTER (WHERE json_extract(body, '$.available_on') <= :now),
       total(json_extract(body, '$.net')) FILTER (WHERE json_extract(body, '$.available_on') > :now)
  FROM objects WHERE kind = 'balance_transaction' AND owner = :owner GROUP BY 1 ORDER BY 1
"""


def sums(world: World) -> dict[str, tuple[int, int]]:
    """Available and pending minor units of the acting account, by settlement currency."""
    found = dict.fromkeys(exchange.settles(world), (0, 0))
    named = {"now": world.now, "owner": world.records.owner or PLATFORM}
    for currency, available, pending in world.records.connection.execute(_SUMS, named):
        found[currency] = (int(available), int(pending))
    return found


def check_available(world: World, amount: int, currency: str) -> None:
    """Refuse to move out more than is there.

    Raises:
        ApiError: ``balance_insufficient``.
    """
    available, _ = sums(world).get(currency, (0, 0))
    if amount > available:
        raise insufficient(
            "You have insufficient available funds in your Stripe account. Try adding funds directly to your "
            "available balance by creating Charges using the 4000000000000077 test card."
        )


def insufficient(message: str) -> ApiError:
    """The refusal of a movement that the balance does not cover."""
    return invalid(message, code="balance_insufficient")


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    found = sums(world)

    def column(index: int) -> list[Body]:
        return [
            {"amount": amounts[index], "currency": currency, "source_types": {"card": amounts[index]}}
            for currency, amounts in found.items()
        ]

    answer: Body = {"object": "balance", "available": column(0), "livemode": False, "pending": column(1)}
    if (world.records.owner or PLATFORM) == PLATFORM:
        answer["connect_reserved"] = [{"amount": 0, "currency": currency} for currency in found]
    return answer


OPERATIONS = (Operation("GET", "balance", EXPAND, _retrieve),)
