"""What `storefront check` says of offers of every kind: where, what, and how it should be."""

import pytest

from storefront.core.config import ConfigError
from storefront.plugins import load

from .conftest import ECONOMY

FAULTS = {
    "itself": ("b1: {kind: bundle, title: B, prices: {USD: 1}, contents: [{sku: b1, worth: {USD: 1}}]}",
               "offers.b1.contents[0].sku", "would put the bundle into itself: b1 holds b1"),
    "a cycle": ("b1: {kind: bundle, title: B, prices: {USD: 1}, contents: [{sku: b2}]}\n"
                "  b2: {kind: bundle, title: B, prices: {USD: 1}, contents: [{sku: b1}]}",
                "offers.b1.contents[0].sku", "would put the bundle into itself: b1 holds b2 holds b1"),
    "no worth": ("b1: {kind: bundle, title: B, prices: {EUR: 100}, contents: [{sku: potion}]}",
                 "offers.b1.contents[0]", "potion has no price in EUR, in which the bundle is sold"),
    "nothing worth": ("b1: {kind: bundle, title: B, prices: {EUR: 100}, contents: [{sku: potion, worth: {EUR: 0}}]}",
                      "offers.b1.contents", "is worth nothing in EUR"),
    "twice": ("b1: {kind: bundle, title: B, prices: {USD: 1}, contents: [{sku: potion}, {sku: potion}]}",
              "offers.b1.contents[1].sku", "is in it already, as [0]"),
    "unknown": ("b1: {kind: bundle, title: B, prices: {USD: 100}, contents: [{sku: portion}]}",
                "offers.b1.contents[0].sku", "did you mean potion"),
    "no duration": ("t1: {kind: item, type: timed, title: T, prices: {gems: 1}}",
                    "offers.t1.type", "needs a `duration`"),
    "a duration too many": ("t1: {kind: item, type: durable, duration: 1d, title: T, prices: {gems: 1}}",
                            "offers.t1.duration", "is for `type: timed`"),
    "a pass that goes on": ("t1: {kind: item, type: timed, duration: 1d, title: T, "
                            "transferable: true, prices: {gems: 1}}",
                            "offers.t1.transferable", "runs out with whom it was given to"),
    "no number with a unit": ("t1: {kind: item, type: timed, duration: month, title: T, prices: {gems: 1}}",
                              "offers.t1.duration", "must be a whole number with a unit"),
    "clip without a most": ("t1: {kind: item, type: consumable, on_full: clip, title: T, prices: {gems: 1}}",
                            "offers.t1.on_full", "says what happens at `max_count`"),
    "no instead": ("c1: {kind: container, title: C, prices: {gems: 1}, drops: [{weight: 1, gives: {sword: 1}}]}",
                   "offers.c1.drops[0]", "needs `instead`"),
    "no such drop": ("c1: {kind: container, title: C, prices: {gems: 1}, drops: [{weight: 1, gives: {hat: 1}}]}",
                     "offers.c1.drops[0].gives.hat", "is neither an offer nor a virtual currency"),
    "a pack comes out": ("c1: {kind: container, title: C, prices: {gems: 1}, drops: ["
                         "{weight: 1, gives: {gems-500: 1}}]}",
                         "offers.c1.drops[0].gives.gems-500", "is a currency_pack"),
    "itself comes out": ("c1: {kind: container, title: C, prices: {gems: 1}, drops: [{weight: 1, gives: {c1: 1}}]}",
                         "offers.c1.drops[0].gives.c1", "would put the container into itself"),
    "the same drop twice": ("c1: {kind: container, title: C, prices: {gems: 1}, drops: ["
                            "{weight: 1, gives: {dust: 1}}, {weight: 2, gives: {dust: 1}}]}",
                            "offers.c1.drops[1].gives", "gives the same as [0]"),
    "nothing else to draw": ("c1: {kind: container, title: C, prices: {gems: 1}, max_repeats: 1, drops: ["
                             "{weight: 1, gives: {dust: 1}}]}",
                             "offers.c1.max_repeats", "needs a second drop"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_mistake_is_told_at_its_place(tmp_path, name):
    offer, path, message = FAULTS[name]
    file = tmp_path / "shop.yaml"
    file.write_text(ECONOMY + f"  {offer}\n")
    with pytest.raises(ConfigError) as caught:
        load(file, {"DATA": str(tmp_path / "data")})
    found = [mistake for mistake in caught.value.mistakes if mistake.path == path]
    assert [message in mistake.message for mistake in found] == [True], caught.value
    assert found[0].line >= ECONOMY.count("\n") + 1


def test_the_economy_of_these_tests_is_in_order(tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(ECONOMY)
    assert len(load(file, {"DATA": str(tmp_path / "data")}).config.offers) == 12
