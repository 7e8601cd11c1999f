"""All lists of the core."""

from collections.abc import Sequence

from storefront.core.exporting.lists import Export
from storefront.core.exporting.of_holdings import holding_lists
from storefront.core.exporting.of_ledger import ledger_lists
from storefront.core.exporting.of_operations import operations_lists
from storefront.core.exporting.of_sales import sales_lists
from storefront.core.exporting.of_usage import usage_lists


def core_lists() -> Sequence[Export]:
    """Return the lists that every shop has."""
    return [*sales_lists(), *holding_lists(), *ledger_lists(), *usage_lists(), *operations_lists()]
