"""What a backup is called where nobody said so."""

from pathlib import Path

from storefront.core.sqlite_copying import BACKUPS_FOLDER, free_name, timestamp


def default_path(data_dir: Path) -> Path:
    """Return a new file's path in the data folder's ``backups/``."""
    return free_name(data_dir / BACKUPS_FOLDER, f"storefront-{timestamp()}", ".zip")
