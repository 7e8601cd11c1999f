"""The plugin's pages and panels, as ``register_routes`` returns them."""

from collections.abc import Sequence

from storefront.panels import Asking, ConsolePage, ConsolePanel, PageView, ShownList
from storefront_subscriptions.config import Settings
from storefront_subscriptions.console.acts import SAYS, acts
from storefront_subscriptions.console.listing import QUERY, narrow, show_list
from storefront_subscriptions.console.one import show_one
from storefront_subscriptions.console.panels import of_customer, of_purchase
from storefront_subscriptions.console.tiers import change_act
from storefront_subscriptions.console.words import PATH

SCOPE = "customers:read"


def console_parts(settings: Settings) -> Sequence[ConsolePage | ConsolePanel]:
    """Return the list of memberships, the page of one, and what they add to customers and purchases."""

    async def show(asking: Asking) -> PageView:
        return await show_one(asking, settings)

    return [
        ConsolePage(PATH, "Memberships", SCOPE, show_list, group="main", icon="repeat", query=QUERY,
                    takes_out=ShownList("subscriptions", narrow)),
        ConsolePage(f"{PATH}/{{id}}", "Membership", SCOPE, show, acts=[*acts(settings), change_act(settings)],
                    says=SAYS),
        ConsolePanel("customer", SCOPE, of_customer),
        ConsolePanel("purchase", SCOPE, of_purchase),
    ]  # fmt: skip
