"""What an audit found, as data and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import msgspec

from storefront.core.audit.check import NotYet, Violation

MOST_KEPT_PER_CHECK = 100


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check that ran: how many violations it saw, and how long it took."""

    name: str
    title: str
    violations: int
    milliseconds: int

    @property
    def has_passed(self) -> bool:
        return self.violations == 0


@dataclass(frozen=True, slots=True)
class Sealing:
    """How far the books are sealed. What is not sealed yet is a fact, not a violation.

    ``oldest_unsealed_seconds`` is the age of the oldest entry that waits, None where none does.
    """

    seals: int
    sealed_entries: int
    unsealed_entries: int
    oldest_unsealed_seconds: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an audit.

    ``checks`` are those that ran; ``violations`` holds the first 100 of each, the check's own number says
    how many there were; ``counts`` is ``table -> rows`` of what was looked at (without tables that could not
    be read); ``not_yet`` is what was not checked, which is never the same as passed; ``sealing`` is None where
    it could not be read.
    """

    checks: tuple[CheckResult, ...]
    violations: tuple[Violation, ...]
    counts: Mapping[str, int]
    not_yet: tuple[NotYet, ...]
    sealing: Sealing | None = None

    @property
    def is_clean(self) -> bool:
        return all(check.has_passed for check in self.checks)

    def explain(self) -> str:
        """Return the violations as plain lines, one each, for assertion messages and logs."""
        return "\n".join(f"{violation.check}: {violation.message}" for violation in self.violations)

    def to_json(self) -> str:
        """Return the report as JSON text: ``{clean, checks, violations, counts, sealing, not_yet}``."""
        return msgspec.json.encode(
            {
                "clean": self.is_clean,
                "checks": [{**asdict(check), "passed": check.has_passed} for check in self.checks],
                "violations": [asdict(violation) for violation in self.violations],
                "counts": dict(self.counts),
                "sealing": None if self.sealing is None else asdict(self.sealing),
                "not_yet": [asdict(one) for one in self.not_yet],
            }
        ).decode()
