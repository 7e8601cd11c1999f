"""The report holds every section that is measured, and a run of some of them keeps the others."""

import shutil
from pathlib import Path

from benchmarks import fraud, growth, http, metering, overlays, postgres, report
from benchmarks.measures import Measure

DOCS = Path(__file__).parents[2] / "docs"
MODULES = (http, postgres, metering, overlays, fraud, growth)


def test_every_section_that_is_measured_stands_in_the_report():
    titles = [f"## {module.SECTION}\n" for module in MODULES]
    titles += [
        f"## {what} on {name}\n" for what in ("Engine alone", "Hot account") for name in ("SQLite", "PostgreSQL")
    ]
    written = (DOCS / "performance.md").read_text()
    assert [title for title in titles if title not in written] == []


def test_a_run_of_one_section_keeps_what_the_others_said(tmp_path):
    shutil.copy(DOCS / "performance.md", tmp_path)
    before = (tmp_path / "performance.md").read_text()
    measured = [Measure("Overload", "refused, not late", 12.5, "ms", ratio=1.2, floor="idle", aim=1.5, is_most=True)]

    report.write(tmp_path, measured, {"Cores": "2", "Load of others": "7.5"}, is_whole=False)

    after = (tmp_path / "performance.md").read_text()
    old, new = ({part.partition("\n")[0]: part for part in text.split("\n## ")} for text in (before, after))
    assert list(new) == list(old)
    assert [title for title in new if new[title].strip() != old[title].strip()] == ["Overload"]
    assert "Measured in a run of its own: Load of others 7.5." in new["Overload"]
    assert "| refused, not late | 12.5 ms |  |  | 1.20 | idle | at most 1.5 | reached |" in new["Overload"]
    report.write(tmp_path, measured, {"Cores": "2", "Load of others": "7.5"}, is_whole=False)
    assert (tmp_path / "performance.md").read_text() == after

    report.write(tmp_path, measured, {"Cores": "2"}, is_whole=True)
    alone = (tmp_path / "performance.md").read_text()
    assert [part.partition("\n")[0] for part in alone.split("\n## ")[1:]] == [
        "How to read it",
        "The machine",
        "Overload",
    ]
