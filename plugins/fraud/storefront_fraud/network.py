"""The country of an address, from a table in a CSV file: ``first address,last address,country``, IPv4 and IPv6."""

import csv
from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from storefront.core.errors import StorefrontError


class BadTable(StorefrontError):
    code = "bad_ip_countries"
    title = "The table of countries cannot be read"


class Countries:
    """Ranges of addresses, looked up by halving: as quick for a million of them as for ten."""

    def __init__(self, ranges: Iterable[tuple[int, int, int, str]]) -> None:
        self._ranges = sorted(ranges)
        self._starts = [(version, first) for version, first, _, _ in self._ranges]

    @classmethod
    def read(cls, path: Path) -> "Countries":
        """Read a table; raises ``BadTable``."""
        found = []
        try:
            with path.open(newline="", encoding="utf-8") as file:
                for number, row in enumerate(csv.reader(file), 1):
                    try:
                        first, last = ip_address(row[0].strip()), ip_address(row[1].strip())
                        found.append((first.version, int(first), int(last), row[2].strip().upper()))
                    except (ValueError, IndexError) as error:
                        raise BadTable(
                            f"{path}, line {number}: expected `first address,last address,country`."
                        ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise BadTable(f"{path} cannot be read.") from error
        return cls(found)

    def of(self, address: str) -> str | None:
        """Return the country of an address; None for what is no address, or in no range."""
        try:
            parsed = ip_address(address.partition("/")[0])
        except ValueError:
            return None
        number = int(parsed)
        place = bisect_right(self._starts, (parsed.version, number)) - 1
        if place < 0:
            return None
        version, _, last, country = self._ranges[place]
        return country if version == parsed.version and number <= last else None
