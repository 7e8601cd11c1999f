"""Planted violations of who may what: roles that nobody gave, and ends that nobody wrote down."""

_ADDED = (
    "INSERT INTO operators (id, login, role, totp_step, created_at) VALUES ('opr_x', 'mallory', 'support', 0, 0)",
    "INSERT INTO audit_actions VALUES ('act_y', 'operator:shell', 'operator.added', 'opr_x', "
    '\'{"role":"support"}\', 0, 0)',
)

ROLES: dict[str, tuple[str, list[str], str]] = {
    "an operator whom nobody added": (
        "A2-roles",
        [_ADDED[0]],
        "operator opr_x has the role support, but no record gives any role",
    ),
    "a role that nobody gave": (
        "A2-roles",
        [*_ADDED, "UPDATE operators SET role = 'owner' WHERE id = 'opr_x'"],
        "operator opr_x has the role owner, but the last record gives support",
    ),
    "an end that nobody wrote down": (
        "A2-roles",
        [*_ADDED, "UPDATE operators SET ended_at = 5 WHERE id = 'opr_x'"],
        "operator opr_x has ended, but the records say that they have not",
    ),
}
