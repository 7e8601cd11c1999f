"""Whatever stands in the file: a configuration or its mistakes, never another exception."""

import random
from collections.abc import Mapping
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storefront.core.config import ConfigError, PluginSchema, load_config

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
SCRAPS = [
    *(
        "~",
        "[]",
        "{}",
        "-1",
        "4.99",
        "'x'",
        "!!x y",
        "&a",
        "*a",
        "${X}",
        "${file:.}",
        "${",
        "\t",
        ": ",
        "- ",
        "?",
        "<<",
    ),
    *("1e999", ".nan", "9" * 30, '"\\ud800"', "|", "%YAML 9.9", "---", "true", "2026-01-01", "\x00", "[[[[", "'"),
]
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _load_or_explain(folder: Path, text: str, plugins: Mapping[str, PluginSchema]) -> None:
    file = folder / "shop.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load_config(file, environ={"X": "7"}, plugins=plugins)
    except ConfigError as error:
        str(error).encode()
        first = error.mistakes[0]
    else:
        return
    assert (first.line > 0, first.column > 0, bool(first.message)) == (True, True, True)


@QUICK
@given(text=st.text(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"%@`#?,~<$ \n\t", max_size=60))
def test_any_text_is_loaded_or_explained(tmp_path: Path, plugins: Mapping[str, PluginSchema], text: str) -> None:
    _load_or_explain(tmp_path, text, plugins)


@QUICK
@given(seed=st.integers(0, 2**32))
def test_a_damaged_example_is_loaded_or_explained(
    tmp_path: Path, plugins: Mapping[str, PluginSchema], seed: int
) -> None:
    chance = random.Random(seed)
    lines = EXAMPLE.read_text("utf-8").splitlines()
    for _ in range(chance.randint(1, 6)):
        index = chance.randrange(len(lines))
        head, colon, _ = lines[index].partition(": ")
        lines[index] = chance.choice(
            [
                head + colon + chance.choice(SCRAPS),
                chance.choice(SCRAPS) + lines[index],
                "",
                "  " + lines[index],
                lines[index][:-2],
            ]
        )

    _load_or_explain(tmp_path, "\n".join(lines), plugins)
