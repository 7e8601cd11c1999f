"""``python -m tests.planted [NAME …]``: plants each known bug in a copy of the tree and shows that a test goes red.

A ``*.patch`` here says in its head what the bug is and which tests (``Test: path[::name]``) must see it, and the
``Seed:`` of a random test that sees it for some seeds only. The tests first pass on the untouched copy. The runner
fails if a planted bug stays green, or if its test breaks down before it can judge (an error while collecting or in
a fixture is no verdict).
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
COPIED = (
    *("storefront", "plugins", "sdk", "tests", "docs", "creators", "deploy"),
    *("pyproject.toml", "config.example.yaml"),
)
HANG_SECONDS, MORE_SECONDS = 300, 30  # for a run of tests, and for each test in it
FEW = {"STOREFRONT_SEQUENCES": "1", "STOREFRONT_CHAOS_SECONDS": "15"}  # of random tests that can be made longer


@dataclass(frozen=True, slots=True)
class Bug:
    """A planted bug: its patch, what it does wrong, and the tests that must each go red."""

    name: str
    patch: Path
    summary: str
    tests: tuple[str, ...]
    seed: str | None

    @classmethod
    def read(cls, patch: Path) -> "Bug":
        head = patch.read_text().partition("\n--- ")[0].splitlines()
        tests = tuple(line.removeprefix("Test: ") for line in head if line.startswith("Test: "))
        seed = next((line.removeprefix("Seed: ") for line in head if line.startswith("Seed: ")), None)
        return cls(patch.stem, patch, head[0], tests, seed)

    @property
    def environ(self) -> Mapping[str, str]:
        return {} if self.seed is None else {"STOREFRONT_SEED": self.seed}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run of tests came to: tests that passed, that failed (with the first line of why), that broke down."""

    passed: int
    failed: Mapping[str, str]
    broken: Mapping[str, str]

    @property
    def is_red(self) -> bool:
        return bool(self.failed)


def main(names: Sequence[str]) -> int:
    """Run the named bugs, or all; return the exit code."""
    bugs = [Bug.read(patch) for patch in sorted(Path(__file__).parent.glob("*.patch"))]
    unknown = set(names) - {bug.name for bug in bugs}
    if unknown:
        print(f"no such bug: {', '.join(sorted(unknown))}; there are {', '.join(bug.name for bug in bugs)}")
        return 2
    chosen = [bug for bug in bugs if not names or bug.name in names]
    with tempfile.TemporaryDirectory(prefix="storefront-planted-") as folder:
        clean = _copy_tree(ROOT, Path(folder) / "clean")
        healthy = _run_tests(clean, dict.fromkeys(test for bug in chosen for test in bug.tests))
        if healthy.failed or healthy.broken:
            print(f"the tests do not pass on the untouched tree: {dict(healthy.failed)} {dict(healthy.broken)}")
            return 1
        print(f"{healthy.passed} tests pass on the untouched tree; {len(chosen)} bugs to plant")
        results = [_plant(bug, clean, Path(folder) / bug.name) for bug in chosen]
    print(f"{sum(results)} of {len(chosen)} planted bugs were seen")
    return 0 if all(results) else 1


def _plant(bug: Bug, clean: Path, folder: Path) -> bool:
    """Run a bug's test with the bug; tell whether it went red, and say so."""
    began = time.monotonic()
    _copy_tree(clean, folder)
    patched = subprocess.run(["git", "apply", str(bug.patch)], cwd=folder, capture_output=True, text=True, check=False)
    if patched.returncode != 0:
        print(f"GONE  {bug.name}: the patch does not fit any more\n{patched.stderr}")
        return False
    verdicts = {test: _run_tests(folder, [test], bug.environ) for test in bug.tests}
    shutil.rmtree(folder)
    is_seen = all(verdict.is_red for verdict in verdicts.values())
    word = "red" if is_seen else "BROKEN" if any(verdict.broken for verdict in verdicts.values()) else "GREEN"
    print(f"{word:5} {bug.name} ({time.monotonic() - began:.1f} s): {bug.summary}", flush=True)
    for asked, verdict in verdicts.items():
        for test, reason in (*verdict.failed.items(), *verdict.broken.items()):
            print(f"        {test}\n          {reason}", flush=True)
        if not verdict.failed and not verdict.broken:
            print(f"        {asked} did not see it", flush=True)
    return is_seen


def _copy_tree(source: Path, to: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    to.mkdir()
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, to / name, ignore=ignored)
        else:
            shutil.copy2(source / name, to / name)
    return to


def _run_tests(tree: Path, tests: Iterable[str], chosen: Mapping[str, str] = MappingProxyType({})) -> Verdict:
    """Run tests in a tree of their own: its modules come before the installed ones, in child processes too."""
    report = tree / "report.xml"
    paths = [tree, *sorted((tree / "plugins").iterdir()), tree / "sdk" / "python"]
    environ = {
        **FEW,
        **os.environ,
        **chosen,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    wanted = list(tests)
    hang_seconds = HANG_SECONDS + MORE_SECONDS * len(wanted)
    command = [sys.executable, "-m", "pytest", "-q", "-x", f"--junitxml={report}", *wanted]
    try:
        ran = subprocess.run(
            command, cwd=tree, env=environ, capture_output=True, text=True, timeout=hang_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Verdict(0, {}, {"pytest": f"no verdict within {hang_seconds} s"})
    if not report.exists():
        return Verdict(0, {}, {"pytest": ran.stdout[-2000:] + ran.stderr[-2000:]})
    return _read_report(report)


def _read_report(report: Path) -> Verdict:
    passed, failed, broken = 0, {}, {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if (failure := case.find("failure")) is not None:
            failed[name] = _first_line(failure)
        elif (error := case.find("error")) is not None:
            broken[name] = _first_line(error)
        else:
            passed += 1
    return Verdict(passed, failed, broken)


def _first_line(element: ElementTree.Element) -> str:
    return " ".join((element.get("message") or element.text or "").split())[:200]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
