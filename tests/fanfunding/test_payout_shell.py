"""The operator's shell on payouts: who can be paid, paying by hand, what fails, and the statement."""

from tests.fanfunding.tipping import purse, tip
from tests.subscriptions.test_operating import shell_of


async def test_the_shell_pays_a_creator_out(stream, data_folder):
    await tip(stream, 1000)
    await stream.advance("25h")
    async with shell_of(stream, data_folder) as shell:
        assert "9.00 USD" in await shell("payouts", "payable")
        made = await shell("payouts", "create", "luna", "USD", "--amount", "6.50 USD", "--key", "one", "--json")
        again = await shell("payouts", "create", "luna", "USD", "--amount", "6.50 USD", "--key", "one", "--json")
        assert (made["amount"]["amount"], made["created_by"], again["id"]) == (650, "operator:shell", made["id"])
        assert "Of this creator's money" in await shell("payouts", "create", "luna", "USD", "--amount", "9 USD", code=1)
        assert "SEPA 17" in await shell("payouts", "pay", made["id"], "--reference", "SEPA 17")
        other = await shell("payouts", "create", "luna", "USD", "--json")
        failed = await shell("payouts", "fail", other["id"], "--reason", "account closed", "--json")
        assert (failed["state"], purse(stream)["payable"]) == ("failed", 250)
        listed = await shell("payouts", "list", "--creator", "luna", "--json")
        assert [one["state"] for one in listed["data"]] == ["failed", "paid"]
        assert [row.split(",")[6] for row in (await shell("payouts", "statement", made["id"])).split()] == [
            "amount", "", "9.00", "-6.50",
        ]  # fmt: skip
