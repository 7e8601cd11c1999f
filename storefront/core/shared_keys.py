"""The secrets that all processes of one shop must have in common, told apart without being shown.

Session tokens are signed with the keys of ``signing.keys``, else with files of ``<data>/keys/``, where also is what API
keys are hashed with. Processes on several machines serve one database only with the same keys: else each would refuse
what another has handed out. The database keeps a print of them, made at the first start; a process with others does
not start.
"""

import hmac
from dataclasses import dataclass
from pathlib import Path

import msgspec

from storefront.core.api_keys import KeyHasher
from storefront.core.commit.plan import SHOP_ANCHOR, Insert, Plan
from storefront.core.database import read_setting
from storefront.core.errors import StorefrontError
from storefront.core.reading import Reader
from storefront.core.services import Services
from storefront.core.sessions import SigningKeys

SETTING = "shared_keys"


class OtherKeys(StorefrontError):
    code = "other_keys"
    title = "The keys of this process are not those of the shop"


class _Stored(msgspec.Struct):
    """The row of the settings: the print of the pepper, and the id of the key that signs."""

    pepper: str
    signs: str


@dataclass(frozen=True, slots=True)
class SharedKeys:
    """What may be told of one process's keys: a print of the pepper, which key signs, and which it knows.

    ``is_configured``: those that sign are listed in the YAML.
    """

    pepper: str
    signs: str
    known: frozenset[str]
    is_configured: bool = False

    @classmethod
    def of(cls, signing: SigningKeys, hasher: KeyHasher) -> "SharedKeys":
        known = frozenset(key.thumbprint() for key in signing.key_set)
        return cls(hasher.digest("storefront shared keys").hex()[:32], signing.kid, known, signing.is_configured)


async def check_keys(reader: Reader, keys: SharedKeys, folder: Path) -> bool:
    """Tell whether the database knows these keys as they are now; changes nothing.

    A key that signs may be replaced: whoever starts with a new one must still know the one before.

    Raises:
        OtherKeys: it knows others.
    """
    text = await read_setting(reader, SETTING)
    if text is None:
        return False
    stored = msgspec.json.decode(text, type=_Stored)
    if not hmac.compare_digest(stored.pepper, keys.pepper):
        raise _other_files(folder, "its API keys were made with another api_keys.pepper")
    if stored.signs not in keys.known:
        raise _not_listed(folder, stored.signs) if keys.is_configured else _not_in_folder(folder)
    return stored.signs == keys.signs


def _not_listed(folder: Path, kid: str) -> OtherKeys:
    return OtherKeys(
        "The keys in signing.keys are not those of the shop in this database: its session tokens are signed with a key "
        f"that is not here (kid {kid}). List that key under signing.keys, too, after the one that shall sign. It is "
        "in the YAML of a server that runs or, if the server made it, in its data folder: "
        f"${{file:{folder.absolute()}/signing-1.pem}}. If it is lost for good, say so with: storefront keys adopt"
    )


def _not_in_folder(folder: Path) -> OtherKeys:
    what = "its session tokens are signed with a key that is not here"
    return _other_files(folder, what, instead=", or list the keys that the others have under signing.keys")


def _other_files(folder: Path, what: str, *, instead: str = "") -> OtherKeys:
    return OtherKeys(
        f"The keys in {folder} are not those of the shop in this database: {what}. Every process of a shop needs the "
        f"same files: copy the folder keys/ from the data folder of a server that runs (or from your backup) to "
        f"{folder}{instead}, and start again. If they are lost for good, say so with: storefront keys adopt"
    )


async def settle_keys(services: Services, keys: SharedKeys, folder: Path) -> None:
    """Note the keys at the first start, and a new one that signs; else make sure that they are the shop's.

    Raises:
        OtherKeys: the database knows others.
    """
    if not await check_keys(services.reader, keys, folder):
        is_first = await read_setting(services.reader, SETTING) is None
        await _write(services, keys, is_first=is_first)
        await check_keys(services.reader, keys, folder)  # another process may have started at the same moment


async def adopt_keys(services: Services, keys: SharedKeys) -> None:
    """Make these keys the shop's, whatever it had: sessions and API keys of the others end."""
    await _write(services, keys, is_first=False)


async def _write(services: Services, keys: SharedKeys, *, is_first: bool) -> None:
    value = msgspec.json.encode(_Stored(keys.pepper, keys.signs)).decode()
    plan = Plan(actor="start", anchors={SHOP_ANCHOR})
    row = {"key": SETTING, "value": value}
    plan.add(Insert("settings", (SETTING,), SHOP_ANCHOR, row, once=is_first, replace=not is_first))
    await services.engine.commit(plan)
