"""What a merge looks up: all that is a customer's, found in the very commit, so that nothing comes in between."""

from collections.abc import Iterator

from storefront.core.commit.merging import MergeCustomer, Search


def accounts_of(customer_id: str) -> Search:
    """Find the accounts of one customer: ``;`` follows ``:``."""
    return Search("accounts", f"id >= 'customer:{customer_id}:' AND id < 'customer:{customer_id};'")


def lots_of(customer_id: str) -> Search:
    """Find all lots of one customer, also empty ones: what is refunded comes back into them.

    There is no index of them by wallet, but one of the entries that filled them.
    """
    owners = f"SELECT id FROM customers WHERE id = '{customer_id}' OR merged_into = '{customer_id}'"  # noqa: S608
    entries = (
        f"SELECT id FROM entries WHERE anchor IN ({owners})"  # noqa: S608
        f" UNION SELECT entry_id FROM shared_entries WHERE customer_id IN ({owners})"
    )
    return Search(
        "lots",
        f"id IN (SELECT lot_id FROM credits WHERE entry_id IN ({entries}))"  # noqa: S608
        f" AND account >= 'customer:{customer_id}:' AND account < 'customer:{customer_id};'",
    )


def names_of(customer_id: str) -> Search:
    """Find a customer's own row, and those of the customers that became them."""
    return Search("customers", f"id = '{customer_id}' OR merged_into = '{customer_id}'")


def debts_of(customer_id: str) -> Search:
    return Search("debts", f"customer_id = '{customer_id}'")


def searches_of(step: MergeCustomer) -> Iterator[Search]:
    """Name all that a merge looks up."""
    for customer_id in (step.source_id, step.target_id):
        yield accounts_of(customer_id)
        yield debts_of(customer_id)
        yield names_of(customer_id)
        for moves in step.moves:
            yield moves.search(customer_id)
    yield lots_of(step.source_id)
