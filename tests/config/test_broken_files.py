"""Every broken file beside this one prints exactly the text that stands next to it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from storefront.core.config import ConfigError, PluginSchema, load_config

BROKEN = Path(__file__).parent / "broken"
ENVIRONMENT = {
    "PORT": "eighty",
    "STRIPE_SECRET_KEY": "sk_test_this_must_never_be_printed",
    "SHORT_SECRET": "never_printed",
}


@pytest.mark.parametrize("name", sorted(file.stem for file in BROKEN.glob("*.yaml")))
def test_a_broken_file_prints_every_mistake_at_its_place(
    name: str, plugins: Mapping[str, PluginSchema], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BROKEN)

    with pytest.raises(ConfigError) as caught:
        load_config(
            Path(f"{name}.yaml"),
            environ=ENVIRONMENT,
            plugins=plugins,
            installed=["microtransactions", "fanfunding"],
        )

    assert f"{caught.value}\n" == (BROKEN / f"{name}.txt").read_text("utf-8")
    assert "never_be_printed" not in str(caught.value)
    assert "never_printed" not in repr(caught.value.mistakes)


def test_there_are_at_least_ten_broken_files() -> None:
    assert len(list(BROKEN.glob("*.yaml"))) >= 10
