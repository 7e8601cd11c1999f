"""The schema of the plugin's section, and what it says as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storefront.core.config import Secret
from storefront.core.kinds import JsonSchema

_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
PORTS = {"starttls": 587, "tls": 465, "none": 25}
ADDRESS_PATTERN = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,189}$)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"
"""An address as HTML forms accept it: ASCII, one line, nothing that a header could mistake."""
TEMPLATE_PATTERN = "^[a-z][a-z0-9_]{0,39}$"


@dataclass(frozen=True, slots=True)
class Mailing:
    """What is sent for an event: a template, and whether those who opted out get it too."""

    template: str
    is_necessary: bool


MAILINGS: Mapping[str, Mailing] = {
    "purchase.completed": Mailing("receipt", is_necessary=True),
    "subscription.renewal_failed": Mailing("renewal_failed", is_necessary=True),
    "subscription.action_required": Mailing("action_link", is_necessary=True),
    "subscription.trial_ending": Mailing("trial_ending", is_necessary=True),
    "subscription.renewal_upcoming": Mailing("renewal_upcoming", is_necessary=True),
    "subscription.card_expiring": Mailing("card_expiring", is_necessary=False),
    "subscription.price_changed": Mailing("price_changed", is_necessary=True),
    "subscription.resume_upcoming": Mailing("resume_upcoming", is_necessary=True),
    "subscription.final_failed": Mailing("final_failed", is_necessary=True),
    "subscription.gifted": Mailing("gift", is_necessary=False),
    "subscription.paused": Mailing("paused", is_necessary=False),
    "subscription.resumed": Mailing("resumed", is_necessary=False),
    "subscription.cancel_scheduled": Mailing("cancellation", is_necessary=False),
    "subscription.canceled": Mailing("subscription_ended", is_necessary=False),
    "pledge.action_required": Mailing("action_link", is_necessary=True),
    "auto_top_up.action_required": Mailing("action_link", is_necessary=True),
    "auto_top_up.failed": Mailing("top_up_failed", is_necessary=False),
}
"""Event -> what is sent for it, unless the YAML says otherwise. Who is charged soon is told so: that is necessary."""
RESUME_UPCOMING = "subscription.resume_upcoming"
REMINDERS = frozenset(
    {
        "subscription.trial_ending", "subscription.renewal_upcoming", "subscription.card_expiring", RESUME_UPCOMING,
    }
)  # fmt: skip
"""Events of what is ahead, at their ``at``: later, or once the subscription ends anyway, nobody needs their mail."""


def _text(says: str, example: str, **more: Any) -> JsonSchema:
    return {"type": "string", "description": says, "minLength": 1, "maxLength": 1000, "examples": [example], **more}


def _address(says: str, example: str) -> JsonSchema:
    return _text(says, example, pattern=ADDRESS_PATTERN, patternErrorMessage="must be an address like shop@example.com")


_EVENT: JsonSchema = {
    "description": "false: nothing is sent for it. Or what is sent.",
    "anyOf": [
        {"const": False},
        {
            "type": "object",
            "properties": {
                "template": _text(
                    "Whose name the files have.", "trial_ending", pattern=TEMPLATE_PATTERN,
                    patternErrorMessage="must be a name like trial_ending: small letters, digits and _",
                ),
                "necessary": {
                    "type": "boolean",
                    "description": "Whether those who opted out get it too.",
                    "default": False,
                    "examples": [False],
                },
            },
            "required": ["template"],
            "additionalProperties": False,
        },
    ],
    "examples": [False],
}  # fmt: skip

SCHEMA: JsonSchema = {
    "type": "object",
    "description": "Mails to customers, by SMTP.",
    "properties": {
        "host": _text("The SMTP server that takes our mail.", "smtp.example.com"),
        "port": {
            "type": "integer",
            "description": "Its port; by default that of `security`: 587, 465 or 25.",
            "minimum": 1,
            "maximum": 65535,
            "examples": [587],
        },
        "security": {
            "type": "string",
            "description": "How the connection is encrypted; none only to this machine.",
            "enum": list(PORTS),
            "default": "starttls",
            "examples": ["starttls"],
        },
        "allow_plaintext": {
            "type": "boolean",
            "description": "Let `security: none` lead to another machine: whoever listens reads every mail.",
            "default": False,
            "examples": [False],
        },
        "ca_file": _text("Certificates to trust instead of the system's, as PEM.", "/etc/ssl/relay.pem"),
        "username": _text("Whom we sign in as.", "shop"),
        "password": _text("The password for it.", "${SMTP_PASSWORD}", secret=True),
        "from": _address("Whom mails are from.", "shop@example.com"),
        "reply_to": _address("Where answers go.", "help@example.com"),
        "language": _text("For those of whom none is known; by default the shop's.", "en", **{"x-form": "language"}),
        "templates": _text("A folder whose files stand in for ours: <language>/<name>.txt and .html.", "./mail"),
        "max_age": {
            "type": "string",
            "description": "Older than this, a mail is no more sent.",
            "pattern": "^[1-9][0-9]{0,3}[mhd]$",
            "patternErrorMessage": "must be a whole number with a unit: 90m, 12h or 3d",
            "default": "3d",
            "examples": ["3d"],
        },
        "events": {
            "type": "object",
            "description": "Event -> what is sent for it; what is not named here stays as it is.",
            "additionalProperties": _EVENT,
            "propertyNames": {
                "pattern": r"^[a-z_]+\.[a-z_]+$",
                "patternErrorMessage": "must be an event like subscription.renewed",
            },
            "examples": [{"auto_top_up.failed": False}],
        },
    },
    "required": ["host", "from"],
    "additionalProperties": False,
    "examples": [{"host": "smtp.example.com", "from": "shop@example.com"}],
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The section as values. ``mailings``: event -> what is sent; ``max_age_ms`` in business time."""

    host: str
    port: int
    security: str
    ca_file: str | None
    username: str | None
    password: Secret[str] | None
    sender: str
    reply_to: str | None
    language: str | None
    templates: Path | None
    max_age_ms: int
    mailings: Mapping[str, Mailing]

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "Settings":
        """Read a section that its schema accepted."""
        security, age = section.get("security", "starttls"), section.get("max_age", "3d")
        return cls(
            host=section["host"],
            port=section.get("port", PORTS[security]),
            security=security,
            ca_file=section.get("ca_file"),
            username=section.get("username"),
            password=section.get("password"),
            sender=section["from"],
            reply_to=section.get("reply_to"),
            language=section.get("language"),
            templates=None if "templates" not in section else Path(section["templates"]),
            max_age_ms=int(age[:-1]) * _UNITS[age[-1]],
            mailings=mailings_of(section.get("events", {})),
        )


def mailings_of(events: Mapping[str, Any]) -> Mapping[str, Mailing]:
    """Return what is sent for which event: ours, with what the YAML changes."""
    own = {
        event: Mailing(told["template"], is_necessary=told.get("necessary", False))
        for event, told in events.items()
        if told is not False
    }
    return {**{event: mailing for event, mailing in MAILINGS.items() if event not in events}, **own}
