"""Where states are kept between runs: anything with ``get(key)`` and ``set(key, text)``; called in a thread."""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Protocol


class Storage(Protocol):
    """Keeps texts; ``set`` replaces a text whole or not at all."""

    def get(self, key: str) -> str | None:
        """Return what was kept under a key, or None."""

    def set(self, key: str, text: str) -> None:
        """Keep a text in place of what was there."""


class MemoryStorage:
    """Keeps texts as long as this object lives."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self._texts.get(key)

    def set(self, key: str, text: str) -> None:
        self._texts[key] = text


class FileStorage:
    """Keeps each text in a file of a folder, readable by its owner alone; a write that is cut leaves the old one."""

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)

    def get(self, key: str) -> str | None:
        try:
            return self._path(key).read_text("utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def set(self, key: str, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f".{secrets.token_hex(8)}.draft"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path(key))
        finally:
            draft.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
