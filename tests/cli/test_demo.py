"""``storefront demo``: the whole story, against a server of its own."""

from .conftest import process


def test_the_demo_plays_to_its_end():
    told = process("demo", "--once")

    assert told.returncode == 0, told.stderr
    assert "ada has 500 gems" in told.stdout
    assert "409 already_owned" in told.stdout
    assert "The story holds." in told.stdout
    assert told.stderr == ""
