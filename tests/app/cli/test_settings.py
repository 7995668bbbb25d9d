"""``flask settings`` from the command line."""

import pytest

from app.catalog import queries
from app.cli.settings import settings_commands
from app.kernel import clock


@pytest.fixture
def run(world, bare_app):
    def invoke(*words):
        return bare_app.test_cli_runner().invoke(settings_commands, list(words))

    return invoke


def test_a_number_is_set_shown_and_kept_with_its_reason(world, run):
    district = str(world.places["district"])

    told = run("set", "nudges", "3", "--why", "少打扰", "--district", district)
    here, there = run("show", "--district", district, "--history"), run("show")

    assert told.exit_code == 0, told.output
    assert ("nudges 3" in here.output, "少打扰" in here.output) == (True, True)
    assert "nudges 5" in there.output


def test_what_is_out_of_bounds_is_told_and_not_set(run):
    told = run("set", "nudges", "500", "--why", "x")
    late = run("set", "nudges", "5", "--why", "x", "--from", "soon")

    assert (told.exit_code, "要在1到20次之间" in told.output) == (1, True)
    assert (late.exit_code, "读不懂" in late.output) == (1, True)
    assert queries.limits(None, clock.now()).nudges == 5
