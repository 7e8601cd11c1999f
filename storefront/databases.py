"""Where a shop keeps its books and secrets: the database that ``database.url`` names, and its keys."""

from pathlib import Path

from storefront.core.config import Config
from storefront.core.database import Database
from storefront.core.errors import StorefrontError
from storefront.core.postgres_database import PostgresDatabase
from storefront.core.sessions import SigningKeys
from storefront.core.sqlite_database import SqliteDatabase
from storefront.plugins import PluginHost


class NotAFile(StorefrontError):
    code = "not_a_file"
    title = "This shop's books are not in a file"


def make_database(host: PluginHost) -> Database:
    """Return the database that ``database.url`` names, with the tables of the enabled plugins; nothing is opened."""
    url, histories, tables = host.config.database.url.reveal(), host.histories(), host.tables()
    if url.startswith("postgresql://"):
        return PostgresDatabase(url, histories=histories, tables=tables)
    return SqliteDatabase(database_path(host.config), histories=histories, tables=tables)


def database_path(config: Config) -> Path:
    """Return the SQLite file that ``database.url`` names; a relative one is seen from the YAML's folder."""
    path = Path(config.database.url.reveal().removeprefix("sqlite:///"))
    return path if path.is_absolute() else config.files[0].parent / path


def file_of(config: Config) -> Path:
    """Return the SQLite file of a shop that is kept in one, for commands that copy files; raises ``NotAFile``."""
    if config.database.url.reveal().startswith("postgresql://"):
        raise NotAFile(
            "This shop's books are in PostgreSQL. Back them up and restore them with its own tools (pg_dump and "
            "pg_restore, or a base backup), and the data folder's keys/ with them."
        )
    return database_path(config)


def keys_folder(config: Config) -> Path:
    """Return where a process keeps the secrets that it makes for itself."""
    return config.data_dir / "keys"


def signing_keys(config: Config) -> SigningKeys:
    """Return the keys of ``signing.keys``; without that section those of the data folder, made at the first call."""
    if config.signing.keys:
        return SigningKeys.of_pems(key.reveal() for key in config.signing.keys)
    return SigningKeys.load_or_create(keys_folder(config))
