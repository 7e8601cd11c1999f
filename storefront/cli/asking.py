"""Asks a shop: the running server by its control socket, or, where none runs, the database itself.

Also what has to be known first: whether a server runs on a data folder at all.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from storefront.cli.choices import Choice
from storefront.control.address import BOOKS_HEADER, SOCKET_NAME, is_answered, socket_address
from storefront.core.config import ConfigError, Mistake
from storefront.core.errors import StorefrontError

if TYPE_CHECKING:
    from storefront.plugins import PluginHost

REPLY_SECONDS = 60.0
SLOW_SECONDS = 900.0
_SLOW = frozenset({"reconcile"})
"""What asks a gateway for all that it knows."""

_READING = frozenset(
    {"list", "show", "report", "figures", "deliveries", "delivery", "decisions", "explain", "rules", "generated",
     "loss", "payable", "statement", "export"}
)  # fmt: skip
"""Last words of operations that only read: they make no shop where there is none."""

Ask = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Asks for an operation by its name, with its arguments."""


class ServerRefused(StorefrontError):
    """The fact ``code`` is that of the server's own error."""

    code = "server_refused"
    title = "The running server refuses"


class NoServer(StorefrontError):
    code = "no_server"
    title = "No server runs on this data folder"


class NoDatabase(StorefrontError):
    code = "no_database"
    title = "There is no database"


async def ask(choice: Choice, operation: str, **arguments: Any) -> dict[str, Any]:
    """Carry out an operation in the running server, else in this process under the database's lock.

    Raises:
        ConfigError, ServerRefused: the server says no.
        NoDatabase: there is none, and it would only be read.
        StorefrontError: without a server, the use case's own errors.
    """
    data_dir = choice.data_dir()
    if is_running(data_dir):
        return await ask_server(data_dir, operation, arguments, books=choice.books())
    from storefront.control.desk import opened_desk  # the whole shop: only where there is no server to ask

    host = choice.load()
    if operation.rpartition(".")[2] in _READING:
        need_database(host)
    host.config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with opened_desk(host, read=choice.load, is_adopting=operation == "keys.adopt") as desk:
        return await desk.ask(operation, arguments)


@asynccontextmanager
async def asking(choice: Choice, host: "PluginHost") -> AsyncIterator[Ask]:
    """Give a function that asks the shop many times: the running server, else one opened in this process meanwhile."""
    data_dir = host.config.data_dir
    if is_running(data_dir):
        books = choice.books()
        yield lambda operation, arguments: ask_server(data_dir, operation, arguments, books=books)
        return
    from storefront.control.desk import opened_desk

    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with opened_desk(host, read=choice.load) as desk:
        yield desk.ask


def need_database(host: "PluginHost") -> None:
    """See that a shop kept in a file has its file; raises ``NoDatabase``."""
    from storefront.core.sqlite_database import SqliteDatabase
    from storefront.databases import make_database

    database = make_database(host)
    if isinstance(database, SqliteDatabase) and not database.path.is_file():
        raise NoDatabase(f"There is no database at {database.path}: `storefront migrate` or `serve` makes one.")


async def ask_server(
    data_dir: Path, operation: str, arguments: Mapping[str, Any], *, books: str | None = None
) -> dict[str, Any]:
    """Carry out an operation in the server that runs on a data folder, if it keeps these ``books`` (any, if None).

    Raises:
        NoServer: none runs there.
        ConfigError, ServerRefused: the server says no.
    """
    if not is_running(data_dir):
        raise NoServer(f"No server runs on {data_dir}. Start one with `storefront serve`.")
    headers = {} if books is None else {BOOKS_HEADER: books}
    timeout = aiohttp.ClientTimeout(total=SLOW_SECONDS if operation in _SLOW else REPLY_SECONDS)
    with socket_address(data_dir / SOCKET_NAME) as address:
        connector = aiohttp.UnixConnector(address)
        async with (
            aiohttp.ClientSession("http://control", connector=connector, timeout=timeout) as session,
            session.post(f"/{operation}", json=arguments, headers=headers) as response,
        ):
            answer: dict[str, Any] = await response.json()
    if response.status == 200:
        return answer
    if "mistakes" in answer:
        raise ConfigError(Mistake(**mistake) for mistake in answer["mistakes"])
    raise ServerRefused(answer.get("detail", f"The server answered {response.status}."), code=answer.get("code"))


def is_running(data_dir: Path) -> bool:
    """Tell whether a server answers on a data folder's control socket."""
    return is_answered(data_dir / SOCKET_NAME)
