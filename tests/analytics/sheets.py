"""What stands on a page of the console, read from its markup: tiles, tables, and lines, by their titles."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_EMPTY = frozenset({"input", "meta", "link", "br", "img", "hr", "path", "line", "rect", "circle", "use", "polyline"})
_IN_ALL = re.compile(r"[,:] [^\d\s]*\d\S*( \w+)? in all$")
_MINUS = ("−", "-")


@dataclass(slots=True)
class Node:
    """An element: its tag, class and title, and what is inside."""

    tag: str = ""
    classes: tuple[str, ...] = ()
    title: str = ""
    inside: list["Node | str"] = field(default_factory=list)

    def all(self, tag: str = "", *, of: str = "") -> list["Node"]:
        """Return the elements of a tag and class within, in order."""
        found = []
        for one in self.inside:
            if isinstance(one, Node):
                if tag in ("", one.tag) and (not of or of in one.classes):
                    found.append(one)
                found += one.all(tag, of=of)
        return found

    def words(self) -> str:
        """Return the text without what is drawn."""
        parts = (one if isinstance(one, str) else "" if one.tag == "svg" else one.words() for one in self.inside)
        return " ".join(" ".join(parts).split())

    def first(self, tag: str = "", *, of: str = "") -> str:
        """Return the words of the first such element, or nothing."""
        found = self.all(tag, of=of)
        return found[0].words() if found else ""


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node()
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        node = Node(tag, tuple(named.get("class", "").split()), named.get("title", ""))
        self._open[-1].inside.append(node)
        if tag not in _EMPTY:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        if any(one.tag == tag for one in self._open[1:]):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)


class Sheet:
    """A page: ``tiles`` are name -> (figure, what stands below), ``tables`` title -> rows, the head first."""

    def __init__(self, markup: str) -> None:
        builder = _Builder()
        builder.feed(markup)
        self.root = builder.root
        self.tiles = {
            tile.first("h2"): (tile.first(of="stat__figure"), tile.first(of="stat__was"))
            for tile in self.root.all(of="stat")
        }
        self.tables: dict[str, list[list[str]]] = {}
        self.titles: dict[str, list[list[str]]] = {}
        for table in self.root.all("table"):
            rows = [[cell for cell in row.inside if isinstance(cell, Node)] for row in table.all("tr")]
            name = _IN_ALL.sub("", table.first("caption"))
            self.tables[name] = [[cell.words() for cell in row] for row in rows]
            self.titles[name] = [[cell.title for cell in row] for row in rows]
        panels = [one for one in self.root.all(of="panel") if one.first("h2")]
        self.figures = {one.first("h2"): one.first(of="panel__figure") for one in panels}
        self.hints = {one.first("h2"): one.first(of="hint") for one in panels}
        self.lines = {
            one.first("h2"): {line.first("dt"): line.first("dd") for line in one.all("div") if line.all("dt")}
            for one in panels
        }
        self.notes = [one.words() for one in self.root.all(of="note")]

    def numbers(self, title: str) -> dict[str, list[int]]:
        """Return ``first cell -> the numbers behind it`` of a table."""
        return {row[0]: [number(cell) for cell in row[1:]] for row in self.tables[title][1:]}


def number(words: str) -> int:
    """Read the first amount, share or count of some words, as an integer of its last digit shown."""
    found = re.search(r"[−-]?[^\d\s]{0,3}\d[\d,.]*", words)
    if found is None:
        return 0
    digits = int(re.sub(r"\D", "", found[0]))
    return -digits if found[0].startswith(_MINUS) else digits


def numbers(words: str) -> list[int]:
    """Read all of them."""
    return [number(one) for one in re.findall(r"[−-]?[^\d\s]{0,3}\d[\d,.]*", words)]
