"""Which shop a command means: the flags, the environment (``CONFIG``, ``HOST``, ``PORT``, ``DATA``), the YAML.

Flags win over the environment, the environment over the YAML. Relative paths of flags and variables start at the
working directory, those in the YAML at the YAML's folder.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # every command's flags are here, and --help needs none of these
    from storefront.core.config import Config
    from storefront.core.config.model import Gateway
    from storefront.plugins import PluginHost

DEFAULT_CONFIG = Path("config.example.yaml")

ConfigArgument = Annotated[
    Path | None, typer.Argument(metavar="[CONFIG]", help="The shop's YAML file, the same as --config.")
]
"""Every command that takes no other argument takes this one."""

ConfigFlag = Annotated[
    Path, typer.Option("--config", "-c", envvar="CONFIG", show_envvar=True, help="The shop's YAML file.")
]
DataFlag = Annotated[
    Path | None,
    typer.Option(
        "--data", "-d", envvar="DATA", help="Folder of the database and the control socket, instead of the YAML's."
    ),
]
HostFlag = Annotated[str | None, typer.Option("--host", envvar="HOST", help="Address to listen on.")]
PortFlag = Annotated[
    int | None, typer.Option("--port", "-p", envvar="PORT", min=0, max=65535, help="Port to listen on; 0 takes any.")
]
LimitFlag = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")]
AfterFlag = Annotated[str | None, typer.Option("--after", help="The `next` of the page before.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")]

LONGEST_DURATION = 6  # characters: no span that anybody means has more
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}


def duration_ms(text: str) -> int | None:
    """Read a duration (``45m``, ``12h``, ``30d``, ``2w``) as milliseconds; None for what is none, such as a time."""
    is_duration = (
        len(text) <= LONGEST_DURATION and text[:-1].isascii() and text[:-1].isdigit() and text[-1] in _UNITS_MS
    )
    return int(text[:-1]) * _UNITS_MS[text[-1]] if is_duration else None


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked for on the command line or by the environment; ``None`` leaves it to the YAML."""

    config: Path
    host: str | None = None
    port: int | None = None
    data: Path | None = None
    sandbox_url: str | None = None

    def environ(self) -> Mapping[str, str]:
        """Return the environment for ``${…}`` in the YAML, so that ``${DATA}`` there means the same as here."""
        given = {
            "HOST": self.host,
            "PORT": None if self.port is None else str(self.port),
            "DATA": None if self.data is None else str(self.data.absolute()),
        }
        return {**os.environ, **{name: value for name, value in given.items() if value is not None}}

    def apply(self, config: "Config") -> "Config":
        """Return the configuration with what was asked for in place of what the YAML says."""
        from storefront.core.config import Database, Secret

        host = self.host or config.web.host
        port = config.web.port if self.port is None else self.port
        changed = replace(config, web=replace(config.web, host=host, port=port))
        if self.sandbox_url is not None:
            changed = replace(changed, gateways={**config.gateways, "sandbox": self._standing_alone(config)})
        if self.data is None:
            return changed
        data_dir = self.data.absolute()
        is_default = config.database.url.reveal() == f"sqlite:///{config.data_dir}/storefront.sqlite"
        url = Database(Secret(f"sqlite:///{data_dir}/storefront.sqlite")) if is_default else config.database
        return replace(changed, data_dir=data_dir, database=url)

    def _standing_alone(self, config: "Config") -> "Gateway":
        section = config.gateways["sandbox"]
        return replace(section, options={**section.options, "url": self.sandbox_url})

    def load(self, *, to_serve: bool = False) -> "PluginHost":
        """Read the configuration and build its plugins; ``to_serve`` goes on without creators' files with mistakes.

        Raises:
            ConfigError: every mistake in the configuration.
            PluginFailed: a plugin is missing or broken and may not be left out.
        """
        import structlog

        from storefront.plugins import load, load_to_serve
        from storefront.web.logs import configure_logging

        if not structlog.is_configured():
            configure_logging("warning")  # what is found while reading goes to stderr, never between facts
        host = (load_to_serve if to_serve else load)(self.config, self.environ())
        host.config = self.apply(host.config)
        return host

    def data_dir(self) -> Path:
        """Return the data folder, also where the rest of the YAML is full of mistakes."""
        if self.data is not None:
            return self.data.absolute()
        from storefront.core.config import ConfigError, read_document

        try:
            document = read_document(self.config, self.environ())
        except ConfigError:
            return self.config.absolute().parent / "data"
        data = document.value.get("data")
        return document.folder / (data if isinstance(data, str) else "data")

    def books(self) -> str | None:
        """Name the database of this shop, without its password; None where the YAML is full of mistakes."""
        from storefront.control.address import books_at
        from storefront.core.config import ConfigError, read_document

        try:
            document = read_document(self.config, self.environ())
        except ConfigError:
            return None
        section, data = document.value.get("database"), document.value.get("data")
        url = section.get("url") if isinstance(section, dict) else None
        in_folder = f"sqlite:///{document.folder / (data if isinstance(data, str) else 'data')}/storefront.sqlite"
        if not isinstance(url, str) or url == in_folder:
            return books_at("sqlite:///storefront.sqlite", self.data_dir())
        return books_at(url, document.folder)
