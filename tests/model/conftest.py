"""The machine's assertions say what differed, like those of a test."""

import pytest

pytest.register_assert_rewrite("tests.model.machine")
