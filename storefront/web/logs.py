"""Structured logs: one line per fact, the request id on each, and no secret in any of them.

Everything, aiohttp's and SQLAlchemy's lines too, goes through the standard library's root logger to
stderr, and through ``redact`` just before it is written. The rule remains that nobody logs a body, a
header or a token; the redaction is for the day somebody does.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
import structlog
from aiohttp.http_exceptions import HttpProcessingError
from structlog.typing import Processor

from storefront.core.redaction import MASK, redact_text

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request being answered; the edge sets it, tasks started from a handler inherit it."""

ACCESS_LOGGER = "storefront.access"

_SECRET_NAMES = re.compile(
    r"authorization|cookie|password|secret|token|api_?key|signature|pepper|card|cvc|email", re.IGNORECASE
)


def configure_logging(level: str = "info", form: str = "console", *, stream: TextIO | None = None) -> None:
    """Route all logging of the process to ``stream`` (stderr); ``form`` is ``console`` or ``json``.

    Called once by whoever owns the process; calling it again replaces the configuration.
    """
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                _renderer(form, colors=target.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    access = logging.getLogger(ACCESS_LOGGER)
    access.handlers[:] = [AccessHandler(target, form)]
    access.propagate = False
    server = logging.getLogger("aiohttp.server")
    server.filters[:] = [_without_foreign_bytes]
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _without_foreign_bytes(record: logging.LogRecord) -> bool:
    """Say of a request that is not HTTP only that it came: its bytes may be a secret sent to the wrong port."""
    if record.exc_info is not None and isinstance(record.exc_info[1], HttpProcessingError):
        record.msg, record.args, record.exc_info = "not HTTP: %s", (type(record.exc_info[1]).__name__,), None
        record.levelno, record.levelname = logging.INFO, "INFO"
        return logging.getLogger().isEnabledFor(logging.INFO)
    return True


class AccessHandler(logging.Handler):
    """Writes access lines without the processors: they hold only our own words and numbers.

    One such line is written per write request, so it is worth the short way: neither a log record nor the
    place in the code is made for it.
    """

    def __init__(self, stream: TextIO, form: str) -> None:
        super().__init__()
        self._stream = stream
        self._format = _access_json if form == "json" else _access_text

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record that came the ordinary way."""
        self.write(record.levelname.lower(), {"message": redact_text(record.getMessage())})

    def write(self, level: str, facts: Mapping[str, Any]) -> None:
        """Write one line."""
        line = {"event": "answered", "level": level, "logger": ACCESS_LOGGER, "timestamp": _timestamp()}
        line["request_id"] = REQUEST_ID.get() or "-"
        self._stream.write(self._format(line, facts))


def write_access(level: int, facts: Mapping[str, Any]) -> None:
    """Write an access line: ``facts`` may hold route templates, statuses, times and our own ids, nothing else."""
    logger = logging.getLogger(ACCESS_LOGGER)
    if not logger.isEnabledFor(level):
        return
    name = logging.getLevelName(level).lower()
    for handler in logger.handlers:
        if isinstance(handler, AccessHandler):
            handler.write(name, facts)
            return
    structlog.stdlib.get_logger(ACCESS_LOGGER).log(level, "answered", **facts)


def _access_json(line: Mapping[str, str], facts: Mapping[str, Any]) -> str:
    return msgspec.json.encode({**line, **facts}).decode() + "\n"


def _access_text(line: Mapping[str, str], facts: Mapping[str, Any]) -> str:
    words = " ".join(f"{name}={value}" for name, value in facts.items())
    return f"{line['timestamp']} [{line['level']:<7}] answered {words} request_id={line['request_id']}\n"


def _timestamp() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask what looks like a secret, by the name of its field or by its shape."""
    for name, value in event.items():
        event[name] = MASK if _SECRET_NAMES.search(name) else _masked(value)
    return event


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**15 else MASK
    if isinstance(value, Mapping):
        return {name: MASK if _SECRET_NAMES.search(str(name)) else _masked(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(part) for part in value]
    return redact_text(str(value))


def _add_request_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    return event


def _renderer(form: str, *, colors: bool) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
