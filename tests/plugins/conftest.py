"""Strangers' plugins: small ones written by a test, and the example, built and installed as anybody would."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from storefront.testing import TINY_SHOP

ROOT = Path(__file__).parents[2]
OLDEST_SETUPTOOLS = 77
HEAD = """
import asyncio
from storefront.hookspecs import hookimpl

class Plugin:
    api_version = 1

    def __init__(self, config):
        self.config = config
"""


class Strangers:
    """Writes plugins into a folder that Python finds; each is a distribution with an entry point of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def write(self, name: str, body: str = "", *, head: str = HEAD) -> str:
        """Install a plugin whose class has ``body`` in it, indented; return its name."""
        # The folder is part of the module's name: one process meets the plugins of many tests.
        module = f"stranger_{name}_{self.folder.parent.name}".replace("-", "_")
        indented = "".join(f"    {line}\n" if line else "\n" for line in body.splitlines())
        (self.folder / f"{module}.py").write_text(head + "\n" + indented)
        facts = self.folder / f"stranger_{name}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: stranger-{name}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[storefront.plugins]\n{name} = {module}:Plugin\n")
        return name

    def shop(self, *sections: str) -> str:
        """Return the tiny shop's YAML with these lines under ``plugins:``."""
        lines = "".join(f"\n  {section}" for section in ("microtransactions: {}", *sections))
        return TINY_SHOP.replace("plugins: {microtransactions: {}}", f"plugins:{lines}")


@pytest.fixture
def strangers(tmp_path, monkeypatch) -> Strangers:
    folder = Strangers(tmp_path / "site")
    monkeypatch.syspath_prepend(folder.folder)
    return folder


def build(command: str, source: Path, target: Path) -> None:
    """Run ``pip install`` or ``pip wheel`` on a copy of a source tree, so that nothing is left in the tree."""
    has_tools = int(version("setuptools").split(".")[0]) >= OLDEST_SETUPTOOLS
    place = "--target" if command == "install" else "--wheel-dir"
    arguments = [command, "--quiet", "--no-deps", place, str(target), str(source)]
    isolated = [] if not has_tools else ["--no-build-isolation"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments, *isolated],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def raffle(tmp_path_factory) -> Path:
    """The example plugin, built from a copy and installed into a folder; answers the folder."""
    folder = tmp_path_factory.mktemp("raffle")
    skip = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "examples" / "plugin", folder / "source", ignore=skip)
    build("install", folder / "source", folder / "site")
    return folder / "site"
