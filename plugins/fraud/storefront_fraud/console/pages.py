"""The plugin's pages and panels, as ``register_routes`` returns them."""

from collections.abc import Sequence

from storefront.panels import Asking, ConsolePage, ConsolePanel, PageView, ShownList
from storefront_fraud.config import Settings
from storefront_fraud.console.decisions import QUERY, OneDecision, narrow, show_decisions
from storefront_fraud.console.lists_page import ListPage
from storefront_fraud.console.opinion import Opinions
from storefront_fraud.console.rules_page import show_fraud
from storefront_fraud.console.words import DECISIONS, LISTS, PATH, READ
from storefront_fraud.rules import RuleSet


def console_parts(settings: Settings, rules: RuleSet) -> Sequence[ConsolePage | ConsolePanel]:
    """Return the pages of rules, decisions and lists, and what they say of purchases and reviews."""

    async def show(asking: Asking) -> PageView:
        return await show_fraud(asking, settings, rules)

    one, lists, opinions = OneDecision(settings, rules), ListPage(settings), Opinions(settings, rules)
    return [
        ConsolePage(PATH, "Fraud", READ, show, group="watch", icon="eye"),
        ConsolePage(
            DECISIONS, "Decisions", READ, show_decisions, query=QUERY, takes_out=ShownList("fraud-decisions", narrow)
        ),
        ConsolePage(f"{DECISIONS}/{{id}}", "Decision", READ, one.show, acts=one.acts()),
        ConsolePage(f"{LISTS}/{{list}}", "List", READ, lists.show, acts=lists.acts()),
        ConsolePanel("purchase", READ, opinions.of_purchase),
        ConsolePanel("review", READ, opinions.of_review),
    ]
