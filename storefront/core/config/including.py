"""One tree from many files: ``include:`` patterns, files of creators, deep merging.

An included file stands at or below the root file's folder. A file under ``creators/`` is written by someone who may
decide about that creator and nothing else: it becomes ``creators.<id>``, and may neither include nor read secrets. So
is one that a plugin's section names as a creator's (``plugins.<name>.creators.<id>.file``), wherever it stands there.
"""

import glob
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path as FilePath
from pathlib import PurePath

from storefront.core.config.mistakes import Mistake, Path, show_key, show_path
from storefront.core.config.positions import Entries, Place, Spot, YamlMistakeError, entries, read_tree
from storefront.core.config.substitution import refuse_references, substitute

_LARGEST_FILE = 1_048_576
_LARGEST_CREATOR_FILE = 262_144
_MOST_FILES = 1_000
_EXAMPLE = "include:\n  - creators/*.yaml"
CREATORS = "creators"
NO_FILE = "creator:"
"""Begins the name, in ``leave_out``, of a creator who has no file."""
_FILE_EXAMPLE = "file: creators/luna.yaml"


class Assembly:
    """Reads the root file and everything that it includes; collects mistakes, and the files that were read.

    ``is_unreadable`` is set when a file is missing from the tree, so that checking it would only add noise. Creators'
    files whose shown name is in ``leave_out`` are not read: those creators say nothing, and stand in ``left_out``.
    """

    def __init__(self, root: FilePath, environ: Mapping[str, str], *, leave_out: Collection[str] = ()) -> None:
        self._shown_folder = root.parent
        self._folder = root.absolute().parent
        self._environ = environ
        self._seen: set[FilePath] = set()
        self.mistakes: list[Mistake] = []
        self.files: list[FilePath] = []
        self.creator_files: dict[FilePath, str] = {}
        self._leave_out = leave_out
        self.left_out: list[str] = []
        self.flat: set[Path] = set()
        self.is_unreadable = False

    def read(self, file: FilePath, *, chain: tuple[FilePath, ...] = (), at: Place | None = None) -> Spot | None:
        """The merged tree of ``file`` (absolute) and what it includes; ``None`` if it cannot be read."""
        with suppress(RuntimeError):  # links in a circle; that it cannot be read is said below
            self._seen.add(file.resolve())
        self.files.append(file)
        is_creator = bool(chain) and self._is_creators(file)
        if is_creator and self._show(file) in self._leave_out:
            return self._without(file, file.stem)
        tree = self._parse(file, at, limit=_LARGEST_CREATOR_FILE if is_creator else _LARGEST_FILE)
        if tree is None:
            self.is_unreadable = True
            return None
        if not isinstance(tree.value, dict) and tree.value is not None:
            self._say(tree.place, (), "a configuration is a mapping (`key: value` lines)")
            self.is_unreadable = True
            return None
        if chain and (is_creator or "creator" in entries(tree)):
            return self._creator(file, tree)
        substitute(tree, folder=file.parent, environ=self._environ, mistakes=self.mistakes)
        merged = self._with_includes(file, tree, chain)
        if not chain:
            self._add_named_creators(file, merged)
            self._add_silent_creators(file, merged)
        return merged

    def _add_silent_creators(self, root: FilePath, merged: Spot) -> None:
        """Let creators say nothing whose file is not there, where the others are to go on."""
        gone = {one.removeprefix(NO_FILE) for one in self._leave_out if one.startswith(NO_FILE)}
        for name in sorted(gone - set(self.creator_files.values())):
            self._merge(merged, self._without(None, name, at=root), ())

    def _add_named_creators(self, root: FilePath, merged: Spot) -> None:
        """Read the creators' files that plugins' sections name, by the id that stands there."""
        for plugin, (_, section) in _inside(merged, "plugins").items():
            for name, (_, one) in _inside(section, CREATORS).items():
                named = entries(one).get("file")
                if named is not None:
                    self._add_named_creator(root, merged, ("plugins", plugin, CREATORS, name, "file"), named[1])

    def _add_named_creator(self, root: FilePath, merged: Spot, path: Path, named: Spot) -> None:
        text, name = named.value, str(path[3])
        if not isinstance(text, str) or not text or "\0" in text:
            return  # the schema says it
        if PurePath(text).is_absolute():
            self._say(named.place, path, "must be relative to this file", _FILE_EXAMPLE)
            return
        file = root.parent / text
        if PurePath(os.path.normpath(file)).is_relative_to(self._folder) and self._show(file) in self._leave_out:
            self._merge(merged, self._without(file, name), ())
            return
        if not file.is_file() or not file.resolve().is_relative_to(self._folder.resolve()):
            says = "leads out of the folder of the main file" if file.is_file() else "there is no such file"
            self._refuse_named(file, path, named, says)
            return
        known = {one.resolve(): whose for one, whose in self.creator_files.items()}.get(file.resolve())
        if known is not None:
            if known != name:
                self._say(named.place, path, f"is the file of the creator {show_key(known)}", _FILE_EXAMPLE)
            return
        self.files.append(file)
        tree = self._parse(file, named.place, limit=_LARGEST_CREATOR_FILE)
        if tree is None or not isinstance(tree.value, dict):
            if tree is not None:
                self._say(tree.place, (), "a creator's file is a mapping (`key: value` lines)")
            self.is_unreadable = True
            return
        part = self._creator(file, tree, named=name)
        if part is not None:
            self._merge(merged, part, ())

    def _refuse_named(self, file: FilePath, path: Path, named: Spot, says: str) -> None:
        """Say what is wrong where the operator names a file; without that the others can go on."""
        self._say(named.place, path, says, _FILE_EXAMPLE)
        if PurePath(os.path.normpath(file)).is_relative_to(self._folder):
            self.mistakes[-1] = replace(self.mistakes[-1], leaves_out=self._show(file))

    def _with_includes(self, file: FilePath, tree: Spot, chain: tuple[FilePath, ...]) -> Spot:
        merged = Spot(dict(entries(tree)), tree.place)
        wanted = entries(merged).pop("include", None)
        if wanted is None:
            return merged
        patterns = wanted[1].value if isinstance(wanted[1].value, list) else [wanted[1]]
        for pattern in patterns:
            for found in self._matches(file, pattern):
                if found.resolve() in {one.resolve() for one in (*chain, file)}:
                    self._say(pattern.place, ("include",), f"{self._show(found)} includes itself", _EXAMPLE)
                elif found.resolve() not in self._seen:
                    part = self.read(found, chain=(*chain, file), at=pattern.place)
                    if part is not None:
                        self._merge(merged, part, ())
        return merged

    def _matches(self, file: FilePath, pattern: Spot) -> list[FilePath]:
        text = pattern.value
        if not isinstance(text, str) or not text or "\0" in text:
            if not pattern.is_broken:
                self._say(pattern.place, ("include",), "must be a list of file patterns", _EXAMPLE)
            return []
        if PurePath(text).is_absolute():
            self._say(pattern.place, ("include",), "must be relative to this file", _EXAMPLE)
            return []
        names = sorted(glob.glob(text, root_dir=file.parent, recursive=True))
        found = [one for one in (file.parent / name for name in names) if one.is_file()]
        if not found and not glob.has_magic(text):
            self._say(pattern.place, ("include",), "there is no such file", _EXAMPLE)
        inside = [one for one in found if one.resolve().is_relative_to(self._folder.resolve())]
        for out in (one for one in found if one not in inside and self._show(one) not in self._leave_out):
            self._say(pattern.place, ("include",), "leads out of the folder of the main file", _EXAMPLE)
            if self._is_creators(out):
                self.mistakes[-1] = replace(self.mistakes[-1], leaves_out=self._show(out))
        if len(self.files) + len(inside) > _MOST_FILES:
            self._say(pattern.place, ("include",), f"there are more than {_MOST_FILES} files to include")
            return []
        return inside

    def _parse(self, file: FilePath, at: Place | None, *, limit: int) -> Spot | None:
        shown = self._show(file)
        try:
            with file.open("rb") as stream:  # a pipe has no size to ask for
                content = stream.read(limit + 1)
            if len(content) > limit:
                raise YamlMistakeError(Mistake(shown, 1, 1, "", f"the file is larger than {limit} bytes"))
            return read_tree(content.decode("utf-8-sig"), shown, self.mistakes)
        except YamlMistakeError as error:
            self.mistakes.append(error.mistake)
        except UnicodeDecodeError as error:
            line = bytes(error.object[: error.start]).count(b"\n") + 1
            self.mistakes.append(Mistake(shown, line, 1, "", "is not UTF-8 text"))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a file name"
            place = at or Place(shown, 1, 1)
            self.mistakes.append(Mistake(place.file, place.line, place.column, "", f"{shown} cannot be read: {reason}"))
        return None

    def _creator(self, file: FilePath, tree: Spot, *, named: str | None = None) -> Spot | None:
        """Return what a creator's file says as ``creators.<id>``; ``named`` is the id where the operator gives it."""
        refuse_references(tree, self.mistakes)
        rest = dict(entries(tree))
        if not rest:
            self._say(tree.place, (), "is empty", "name: Luna")
            return None
        if "include" in rest:
            self._say(rest.pop("include")[0], ("include",), "is not allowed in a creator's file")
        entry = rest.pop("creator", None)
        place = entry[1].place if entry else tree.place
        name = entry[1].value if entry else named
        if not isinstance(name, str) or not name:
            self._say(place, ("creator",), "must be the creator's id", f"creator: {file.stem}")
            return None
        if named is not None and name != named:
            self._say(place, ("creator",), f"must be {named}, as the operator calls this creator", f"creator: {named}")
            return None
        if named is None and self._is_creators(file) and name != file.stem:
            self._say(place, ("creator",), "must be the name of its file", f"creator: {file.stem}")
            return None
        self.flat.add((CREATORS, name))
        self.creator_files[file] = name
        creator: Entries = {name: (place, Spot(rest, tree.place))}
        return Spot({CREATORS: (place, Spot(creator, tree.place))}, tree.place)

    def _without(self, file: FilePath | None, name: str, *, at: FilePath | None = None) -> Spot:
        """Return a creator who says nothing, in place of a file that is left out, or of one that is not there."""
        if file is not None:
            self.creator_files[file] = name
        self.left_out.append(name)
        place = Place(self._show(file or at or self._folder), 1, 1)
        creators: Entries = {name: (place, Spot({}, place))}
        return Spot({CREATORS: (place, Spot(creators, place))}, place)

    def _merge(self, into: Spot, part: Spot, path: Path) -> None:
        merged = entries(into)
        for key, (place, spot) in entries(part).items():
            if key not in merged:
                merged[key] = (place, spot)
            elif (
                isinstance(merged[key][1].value, dict) and isinstance(spot.value, dict) and not self._is_flat(path, key)
            ):
                mine = merged[key][1]
                merged[key] = (merged[key][0], Spot(dict(entries(mine)), mine.place))
                self._merge(merged[key][1], spot, (*path, key))
            elif merged[key][1].value is None:
                merged[key] = (place, spot)
            elif spot.value is not None:
                first = merged[key][0]
                message = f"is written twice; first at {first.file}:{first.line}:{first.column}"
                self._say(place, (*path, key), message)

    def _is_flat(self, path: Path, key: str) -> bool:
        return (*path, key) in self.flat

    def _is_creators(self, file: FilePath) -> bool:
        return CREATORS in file.relative_to(self._folder).parent.parts

    def _show(self, file: FilePath) -> str:
        return str(self._shown_folder / file.relative_to(self._folder))

    def _say(self, place: Place, path: Path, message: str, example: str | None = None) -> None:
        self.mistakes.append(Mistake(place.file, place.line, place.column, show_path(path), message, example))


def _inside(spot: Spot, key: str) -> Entries:
    """Return the entries of what a mapping holds under a key; empty for anything else."""
    found = entries(spot).get(key)
    return {} if found is None else entries(found[1])
