"""What ``storefront check`` says about deliveries."""

import pytest

from storefront.core.config import ConfigError
from storefront.plugins import load

from .conftest import DELIVERY_SHOP


@pytest.fixture
def mistakes(tmp_path):
    def find(text):
        (tmp_path / "shop.yaml").write_text(text)
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / "shop.yaml", {"DATA": str(tmp_path)})
        return [str(one).partition("\n")[0].replace(f"{tmp_path}/", "") for one in caught.value.mistakes]

    return find


def with_command(command):
    return DELIVERY_SHOP.replace('"give {player} diamond_sword 1"', command)


def test_an_unknown_variable_is_shown_at_its_place_with_the_nearest_one(mistakes):
    [found] = mistakes(with_command('"give {plyer} diamond_sword 1"'))
    line = DELIVERY_SHOP[: DELIVERY_SHOP.index('"give {player} diamond_sword 1"')].count("\n") + 1
    assert found == (
        f"shop.yaml:{line}:35 offers.sword.delivery.on_purchase[0].command: "
        "names the variable {plyer}, which does not exist; did you mean player?"
    )


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ('"give {uuid}"', "which does not exist; known here: player, customer_id, sku"),
        ('"give {metadata.}"', "which does not exist"),
        ('"give {player"', "has a single {; write {{ for a brace"),
        ('"give }player"', "has a single }; write }} for a brace"),
        ('"give {player}\\nop mallory"', "must be one line without control characters"),
    ],
)
def test_a_template_that_cannot_be_meant_is_refused(mistakes, command, says):
    [found] = mistakes(with_command(command))
    assert "offers.sword.delivery.on_purchase[0].command" in found
    assert says in found


def test_an_unknown_stage_is_shown_with_the_nearest_one(mistakes):
    [found, *_] = mistakes(DELIVERY_SHOP.replace("      on_consume:", "      on_consumed:"))
    assert "offers.potion.delivery.on_consumed: unknown key; did you mean on_consume?" in found


def test_only_what_holds_others_says_whether_they_are_delivered(mistakes):
    [found] = mistakes(DELIVERY_SHOP.replace("      on_consume:", "      contents: false\n      on_consume:"))
    assert "offers.potion.delivery.contents: says nothing here: only bundles and containers" in found


def test_a_pattern_must_be_a_regular_expression_of_a_variable(mistakes):
    section = "deliveries: {max_attempts: 3, values: {plyer: x, sku: '('}}"
    found = mistakes(DELIVERY_SHOP.replace("deliveries: {max_attempts: 3}", section))
    assert any("values.plyer: is no variable of a command; did you mean player?" in one for one in found)
    assert any("values.sku: is not a regular expression" in one for one in found)


def test_offers_of_any_kind_may_be_delivered_and_the_key_is_unknown_without_the_plugin(tmp_path):
    (tmp_path / "shop.yaml").write_text(DELIVERY_SHOP)
    offer = load(tmp_path / "shop.yaml", {"DATA": str(tmp_path)}).config.offers["gems-500"]
    assert "on_chargeback" in offer.part["delivery"]
