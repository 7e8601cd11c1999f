"""The requests that are measured, as bytes, by client."""

from collections.abc import Sequence

from benchmarks.load import Figures, Run, request, run
from benchmarks.servers import Server

PURCHASE_BODY = b'{"sku": "health-potion"}'
Requests = list[list[bytes]]


def empty(method: str, path: str, clients: int, each: int, body: bytes = b"") -> Requests:
    return [[request(method, path, headers={"Authorization": "Bearer x"}, body=body)] * each for _ in range(clients)]


def checks(tokens: Sequence[str], each: int) -> Requests:
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    return [[request("GET", "/v1/entitlements/sword-of-dawn", headers=one)] * each for one in headers]


def purchases(tokens: Sequence[str], each: int, prefix: str, body: bytes = PURCHASE_BODY) -> Requests:
    """Every purchase under a key of its own; ``prefix`` keeps the keys of two runs apart."""
    return [
        [
            request(
                "POST",
                "/v1/purchases",
                headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"{prefix}-{number}"},
                body=body,
            )
            for number in range(each)
        ]
        for token in tokens
    ]


def measure(
    server: Server, wanted: Requests, *, allowed: frozenset[int] = frozenset({200, 201}), run: Run = run
) -> Figures:
    """Send the requests; any other answer than the allowed ones ends the benchmark."""
    figures = run(server.port, wanted)
    unexpected = {status: count for status, count in figures.statuses.items() if status not in allowed}
    if unexpected:
        raise SystemExit(f"unexpected answers: {unexpected}")
    return figures
