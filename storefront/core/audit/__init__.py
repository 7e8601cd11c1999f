"""``storefront audit verify``: every invariant that has objects today, as a small named check.

``verify`` runs them over a reader's connection, ``verify_database`` over a database, ``verify_file`` over a
SQLite file, ``render`` shows the report to people.
"""

from storefront.core.audit.check import Check, NotYet, Violation
from storefront.core.audit.render import render
from storefront.core.audit.report import CheckResult, Report, Sealing
from storefront.core.audit.verify import CHECKS, Outside, verify, verify_database, verify_file
from storefront.core.audit.witnesses import WitnessFile

__all__ = [
    "CHECKS",
    "Check",
    "CheckResult",
    "NotYet",
    "Outside",
    "Report",
    "Sealing",
    "Violation",
    "WitnessFile",
    "render",
    "verify",
    "verify_database",
    "verify_file",
]
