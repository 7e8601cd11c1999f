"""The section of the configuration about proving the books to others: where the seals' hashes are kept outside."""

from storefront.core.config.schema_parts import Schema, listing, mapping, secret, text, whole

DEFAULT_EVERY_SECONDS = 300


def audit() -> Schema:
    """Schema of the section ``audit``."""
    return mapping(
        "How the books are proved to others.",
        {
            "anchors": listing(
                "Where the newest seal's hash is kept outside the database, so that a cut or rewritten history shows.",
                _anchor(),
                maxItems=16,
                examples=[[{"file": "/mnt/other-disk/anchors.jsonl"}]],
            ),
            "every_seconds": whole(
                "How often an anchor gets the newest seal, if there is a new one.",
                most=86_400,
                default=DEFAULT_EVERY_SECONDS,
                examples=[300],
            ),
        },
        examples=[{"anchors": [{"file": "/mnt/other-disk/anchors.jsonl"}]}],
    )


def _anchor() -> Schema:
    return mapping(
        "A file or a webhook that keeps anchors.",
        {
            "file": text(
                "A file that gets a line per anchor, relative to the main file; best on another disk.",
                examples=["/mnt/other-disk/anchors.jsonl"],
            ),
            "webhook": {
                "description": "An https:// address that gets each anchor as a POST (Standard Webhooks).",
                "type": "string",
                "secret": True,
                "x-literal": "free",
                "x-form": "receiver",
                "examples": ["https://witness.example/anchors"],
            },
            "secret": secret(
                "Signs what the webhook gets: whsec_ and 24 to 64 bytes in base64.",
                "${ANCHOR_SECRET}",
                **{"x-form": "signing_secret"},
            ),
        },
        examples=[{"file": "/mnt/other-disk/anchors.jsonl"}],
    )
