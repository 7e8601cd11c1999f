"""What events of fan funding count as in analytics: what fans gave, by source and creator. Pure."""

from collections.abc import Sequence

from storefront.core.analytics.metrics import FAN_FUNDING, Counted, Figure, Figures, Told
from storefront_fanfunding.config import KIND

GIVEN = "fanfunding_given"
TIPS, PLEDGES, ELSEWHERE = "tips", "pledges", "elsewhere"


def count(told: Told) -> Sequence[Counted]:
    """Return what a tip gives its creator; one that collects a pledge is told by its pledge too, and counts as that."""
    money, creator_id = told.data["amount"], told.data["creator_id"]
    given, currency = money["amount"], money["currency"]
    if told.type == "tip.paid":
        is_ours = told.data["purchase_id"].startswith("pur_")
        return [Counted(GIVEN, currency, TIPS if is_ours else ELSEWHERE, creator_id, given)]
    return [
        Counted(GIVEN, currency, PLEDGES, creator_id, given),
        Counted(GIVEN, currency, TIPS, creator_id, -given, -1),
    ]


FIGURES = Figures(
    figures=(
        Figure(
            GIVEN,
            FAN_FUNDING,
            "money",
            "what fans gave creators, without tax, on the day on which it was paid; elsewhere: brought in by importers",
        ),
    ),
    count_events=frozenset({"tip.paid", "pledge.collected"}),
    count=count,
    kinds_of_entries=dict.fromkeys(
        ("tip.split", "tip.frozen", "tip.reversed", "tip.given_back", "tip.released", "payout.returned"), KIND
    ),
)
