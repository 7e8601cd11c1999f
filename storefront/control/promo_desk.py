"""What an operator's shell does with promo codes: the same use cases as over HTTP."""

from collections.abc import Mapping

from storefront.control.operations import Operation, with_catalog
from storefront.core.promos.generating import generate_codes, list_codes, list_generated, show_code, switch_code
from storefront.core.services import Services


class PromoDesk:
    """The operations ``promo_codes.*``; all but ``list`` take the ``code``.

    Without a server they go by the promo codes of the YAML, which the next start makes the shop's.
    """

    def __init__(self, services: Services, *, actor: str) -> None:
        operations: Mapping[str, Operation] = {
            "promo_codes.list": lambda _: list_codes(services),
            "promo_codes.show": lambda asked: show_code(services, asked["code"]),
            "promo_codes.generate": lambda asked: generate_codes(
                services, asked["code"], batch=asked["batch"], count=asked["count"], actor=actor
            ),
            "promo_codes.generated": lambda asked: list_generated(
                services, asked["code"], batch=asked["batch"], limit=asked["limit"], after=asked["after"]
            ),
            "promo_codes.switch": lambda asked: switch_code(services, asked["code"], is_on=asked["on"], actor=actor),
        }
        self.operations = with_catalog(services, operations)
