"""What an administrator reads at the command line."""

import pytest

from app.cli.routing import routing_commands as commands
from tests.make import catalog as make_catalog
from tests.make import routing as make

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def place(app, monday) -> make.Place:
    make_catalog.loaded_catalogue()
    return make.staffed_town()


def test_the_commands_report_and_explain(app, place):
    make.added(place, "甲", "street", category_code="WPE-LIGHT")
    runner = app.test_cli_runner()

    clean = runner.invoke(commands, ["check"])
    make.added(place, "乙", "community", category_code="WPE-LIGHT")
    flawed = runner.invoke(commands, ["check", "--district", "330199000000"])
    told = runner.invoke(
        commands, ["explain", "--place", str(place.town.building), "--category", "WPE-LIGHT"]
    )
    unknown = runner.invoke(
        commands, ["explain", "--place", str(place.town.building), "--category", "X"]
    )

    assert (clean.exit_code, clean.output.strip()) == (0, "没有发现问题。")
    assert flawed.exit_code == 1
    assert "实际按“甲”执行" in flawed.output
    assert told.exit_code == 0
    assert "按规则“甲”自动派单" in told.output
    assert "承办：清河街道办" in told.output
    assert unknown.exit_code == 1
