"""The register of all tables of the core."""

from collections.abc import Sequence

from storefront.core.privacy import of_ledger, of_sales, of_service
from storefront.core.privacy.register import Held


def core_register() -> Sequence[Held]:
    """Return what of every table of the core is personal, kept, plain or withheld."""
    return [*of_service.REGISTER, *of_sales.REGISTER, *of_ledger.REGISTER]
