"""The plugin's pages and panels, as ``register_routes`` returns them."""

from collections.abc import Mapping, Sequence

from storefront.panels import Asking, ConsolePage, ConsolePanel, JsonSchema, PageView
from storefront_fanfunding.config import Settings
from storefront_fanfunding.console import payouts
from storefront_fanfunding.console.acts import acts
from storefront_fanfunding.console.figures import QUERY
from storefront_fanfunding.console.listing import show_list
from storefront_fanfunding.console.one import show_one
from storefront_fanfunding.console.panels import of_customer, of_purchase
from storefront_fanfunding.console.payouts import show_payout
from storefront_fanfunding.console.words import LOOK, PATH

_PAGE: Mapping[str, JsonSchema] = {
    **QUERY,
    "before": {"type": "integer", "minimum": 1, "maximum": 2**53},
    "after": {"type": "string", "maxLength": 80},
}


def console_parts(settings: Settings) -> Sequence[ConsolePage | ConsolePanel]:
    """Return the list of creators, one creator, one payout, and what they add to purchases and customers."""

    async def show_all(asking: Asking) -> PageView:
        return await show_list(asking, settings)

    async def show(asking: Asking) -> PageView:
        return await show_one(asking, settings)

    one = f"{PATH}/{{name}}"
    return [
        ConsolePage(PATH, "Creators", LOOK, show_all, group="main", icon="heart", query=QUERY),
        ConsolePage(one, "Creator", LOOK, show, query=_PAGE, acts=acts(settings)),
        ConsolePage(f"{one}/payouts/{{id}}", "Payout", LOOK, show_payout, query=payouts.QUERY, acts=payouts.acts(),
                    says=payouts.SAYS),
        ConsolePanel("purchase", LOOK, of_purchase),
        ConsolePanel("customer", LOOK, of_customer),
    ]  # fmt: skip
