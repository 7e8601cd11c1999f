"""The small parts that the views of the shop page share: currencies, pictures, moments, contents, chances."""

from dataclasses import dataclass

from storefront.pages.amounts import AssetName, Picture
from storefront.pages.frame import Moment

__all__ = ("AssetName", "ChanceLine", "ContentChip", "Moment", "Picture")


@dataclass(frozen=True, slots=True)
class ChanceLine:
    """One line of a container's odds: ``60%`` (or ``Always``) and ``2 × Health potion``."""

    chance: str
    label: str


@dataclass(frozen=True, slots=True)
class ContentChip:
    """One part of a bundle: ``1,200 gems``, ``Rime Boots``."""

    label: str
    picture: Picture
