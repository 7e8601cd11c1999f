"""A worker of ``serve --workers`` as a process: whom it speaks to, and whom it follows."""

import asyncio
import os
import socket
import sys

import aiohttp

from storefront.testing.tiny_shop import TINY_SHOP

HANG_SECONDS = 60.0


async def test_a_worker_started_again_serves_though_nobody_listens_and_ends_with_its_parent(tmp_path):
    config = tmp_path / "shop.yaml"
    config.write_text(TINY_SHOP)
    reader, writer = os.pipe()
    os.close(reader)  # the parent has heard it once
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptors = (listener.fileno(), writer)
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "storefront", "serve", "--config", str(config)),
            *("--listen-on", str(listener.fileno()), "--say-ready-on", str(writer), "--worker", "0"),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=descriptors,
            env={**os.environ, "DATA": str(tmp_path / "data")},
        )
        os.close(writer)
        async with asyncio.timeout(HANG_SECONDS), aiohttp.ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{listener.getsockname()[1]}/readyz") as answer:
                assert answer.status == 200
            assert worker.stdin is not None
            worker.stdin.close()
            assert await worker.wait() == 0
