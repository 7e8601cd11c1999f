"""Reads the mapping of our accounts to an accountant's: a YAML file of patterns, in order."""

from pathlib import Path

from storefront.core.config import ConfigError, Mistake
from storefront.core.config.positions import YamlMistakeError, read_tree
from storefront.core.journal import Mapped

_EXAMPLE = 'platform:revenue:*: "4000 Revenue"\ngateway:*:clearing:*: "1200 Clearing"\n"*": "9999 Other"'


def read_mapping(path: Path) -> Mapped:
    """Read ``pattern: name`` pairs; ``*`` and ``?`` in a pattern stand for any text and any character.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: it is no such mapping; with every mistake.
    """
    mistakes: list[Mistake] = []
    try:
        tree = read_tree(path.read_text(encoding="utf-8"), str(path), mistakes)
    except YamlMistakeError as error:
        raise ConfigError([error.mistake]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Mistake(str(path), 1, 1, "", "is not UTF-8 text")]) from error
    if not isinstance(tree.value, dict):
        mistakes.append(Mistake(str(path), 1, 1, "", "must be a mapping of patterns to names", _EXAMPLE))
        raise ConfigError(mistakes)
    mapped = []
    for pattern, (_, spot) in tree.value.items():
        if isinstance(spot.value, bool) or not isinstance(spot.value, str | int) or not str(spot.value).strip():
            where = spot.place
            mistakes.append(
                Mistake(str(path), where.line, where.column, pattern, "must be an account's name", _EXAMPLE)
            )
        mapped.append((pattern, str(spot.value)))
    if mistakes:
        raise ConfigError(mistakes)
    return mapped
