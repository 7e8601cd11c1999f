"""Backups: one file that a shop can be restored from, made while it is served, and the way back.

``make_backup`` writes one, ``restore_backup`` puts one in place; ``Manifest`` says what is in it.
"""

from storefront.core.backups.archive import BackupDamaged
from storefront.core.backups.making import Backup, make_backup
from storefront.core.backups.manifest import Manifest, Position
from storefront.core.backups.restoring import Restored, RestoreRefused, Target, restore_backup

__all__ = [
    "Backup",
    "BackupDamaged",
    "Manifest",
    "Position",
    "RestoreRefused",
    "Restored",
    "Target",
    "make_backup",
    "restore_backup",
]
