"""``storefront health``: asks a served shop's ``/readyz``, for whoever starts it again or sends it customers.

Light on purpose: a container asks twice a minute, so neither the shop nor aiohttp is loaded for it.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated

import typer
from rich.markup import escape

from storefront.cli.choices import DEFAULT_CONFIG, Choice, ConfigArgument, ConfigFlag, JsonFlag
from storefront.cli.output import console, print_error, print_json

_DEFAULT_HOST, _DEFAULT_PORT = "127.0.0.1", 8080
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 compared with, not bound
_LARGEST_ANSWER = 65_536


@dataclass(frozen=True, slots=True)
class Health:
    """What a shop answered: ``checks`` are ``name -> ok, or what is wrong``; ``reason`` says why there are none."""

    url: str
    ready: bool
    checks: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None


def health(
    *,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    host: Annotated[str | None, typer.Option("--host", envvar="HOST", help="Where it listens.")] = None,
    port: Annotated[int | None, typer.Option("--port", "-p", envvar="PORT", min=1, max=65535, help="Its port.")] = None,
    timeout_seconds: Annotated[
        float, typer.Option("--timeout", min=0.1, max=60, help="Seconds after which no answer is a bad one.")
    ] = 5.0,
    as_json: JsonFlag = False,
) -> None:
    """Ask the shop that is served here whether it can sell; exit code 0 if so, 1 if not or if nobody answers.

    With host and port, by flags or by HOST and PORT, the YAML is not read: it costs little, and needs no secrets.

    \b
    Examples:
      storefront health
      storefront health --host 127.0.0.1 --port 8080 --json
    """
    found = ask_health(*_address(Choice(file or config, host, port)), timeout_seconds)
    if as_json:
        print_json(asdict(found))
    elif found.ready:
        console().print(f"Ready: {escape(found.url)}")
    else:
        wrong = [f"{name}: {said}" for name, said in found.checks.items() if said != "ok"]
        print_error(f"{found.url} is not ready: {found.reason or '; '.join(wrong)}")
    if not found.ready:
        raise typer.Exit(1)


def ask_health(host: str, port: int, timeout_seconds: float) -> Health:
    """Ask the shop at an address of this machine."""
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/readyz"
    connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = json.loads(answer.read(_LARGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Health(url, ready=False, reason=f"no answer ({str(error) or type(error).__name__})")
    finally:
        connection.close()
    checks = said.get("checks") if isinstance(said, dict) else None
    if not isinstance(checks, dict):
        title = said.get("title", "no shop answers so") if isinstance(said, dict) else "no shop answers so"
        return Health(url, ready=False, reason=f"it answers {answer.status} ({title})")
    return Health(url, answer.status == http.client.OK, checks)


def _address(choice: Choice) -> tuple[str, int]:
    """Return where the shop is served: as asked for, else as its YAML says; raises ``ConfigError`` for a broken one."""
    host, port = choice.host, choice.port
    if host is None or port is None:
        from storefront.core.config import read_document

        section = read_document(choice.config, choice.environ()).value.get("web")
        web = section if isinstance(section, dict) else {}
        host = host or str(web.get("host", _DEFAULT_HOST))
        port = port if port is not None else int(web.get("port", _DEFAULT_PORT))
    return _ANY_ADDRESS.get(host, host), port
