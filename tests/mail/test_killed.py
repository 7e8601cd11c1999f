"""SIGKILL while the SMTP server has the mail and its answer is not there yet: sent again, under the same Message-ID."""

import asyncio
import os
import sys

import aiohttp

from storefront.testing import SERVER_KEY, Wall, running_shop

from .conftest import give_address, mailing


async def serve(config, environ):
    """Serve a shop in a process of its own; return the process and the shop's address."""
    command = (sys.executable, "-m", "storefront", "serve", "--config", str(config), "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environ}, stdout=-1)
    while line := (await process.stdout.readline()).decode():
        if line.split()[:1] == ["Shop"]:
            url = line.split()[1].removesuffix("/shop")
        if "Ready in" in line:
            return process, url
    raise AssertionError("it did not start")


async def test_a_shop_killed_while_it_sends_sends_it_again_under_the_same_message_id(data_folder, inbox):
    environ = {"SMTP_PORT": str(inbox.port), "DATA": str(data_folder / "data")}
    await inbox.close()
    async with running_shop(data_folder, mailing(), environ=environ) as shop:
        await give_address(shop)
        await shop.bought("gems-500")
        await shop.until(lambda: shop.query("SELECT 1 AS n FROM mail_messages WHERE attempts = 1"))

    process, url = await serve(data_folder / "shop.yaml", environ)
    inbox.on_mail = process.kill
    await inbox.open()
    headers = {"Authorization": f"Bearer {SERVER_KEY}"}
    async with aiohttp.ClientSession() as http:
        asking = http.post(f"{url}/sandbox/clock", json={"advance": "2m"}, headers=headers)
        moved = asyncio.create_task(asking.__aenter__())
        assert await asyncio.wait_for(process.wait(), 60) == -9
        await asyncio.wait([moved])
        moved.exception()
    inbox.on_mail = None
    assert len(inbox.mails) == 1

    later = Wall()
    later.move(180)  # the lease of the dead is over, before anybody takes another
    async with running_shop(data_folder, mailing(), environ=environ, wall=later) as shop:
        await shop.until(lambda: shop.query("SELECT 1 AS n FROM mail_messages WHERE state = 'sent'"))
    assert len(inbox.mails) == 2
    assert inbox.mails[0]["Message-ID"] == inbox.mails[1]["Message-ID"]
