"""``flask ladder`` from the command line."""

import pytest

from app.cli.ladder import ladder_commands
from app.escalation import queries
from tests.app.escalation.test_ladder import CODE, HEAD, at_community, tier_of
from tests.make import tickets as make


@pytest.fixture
def run(world, bare_app, tmp_path):
    def invoke(*words, body=None):
        file = tmp_path / "ladder.csv"
        if body is not None:
            file.write_text(HEAD + body, encoding="utf-8")
        named = [str(file) if word == "FILE" else word for word in words]
        return bare_app.test_cli_runner().invoke(ladder_commands, named)

    return invoke


SLOWER = f"{CODE},,,2,9wd,0,,notify supervise,\n"


def test_a_dry_run_tells_what_moves_and_sets_nothing(world, run):
    ticket_id, before = at_community(world)
    with make.after(hours=8):
        told = run("import", "FILE", "--dry-run", "--why", "试", body=SLOWER)

    assert told.exit_code == 0, told.output
    assert "社区 9wd" in told.output
    assert "将有1个变动" in told.output
    assert queries.ladder_rows() == []
    assert tier_of(ticket_id) == before


def test_a_file_is_set_and_shown_with_its_history(world, run):
    first = run("import", "FILE", "--why", "区里规定", body=SLOWER)
    with make.after(hours=1):
        run("import", "FILE", "--why", "收紧", body=SLOWER.replace("9wd", "1wd"))

    now, past = run("show"), run("show", "--history")

    assert first.exit_code == 0, first.output
    assert ("澄湖区 各类 各级紧急 社区 1wd" in now.output, "9wd" in now.output) == (True, False)
    assert "9wd" in past.output
    assert "随产品提供 P0 社区 30m 一开始就介入" in now.output


def test_a_wrong_line_stops_the_whole_file(world, run):
    told = run("import", "FILE", "--why", "x", body=SLOWER + f"{CODE},,,3,,,,notify supervise,\n")

    assert told.exit_code == 1
    assert "第3行：社区和街道要写明最长停留时间" in told.output
    assert queries.ladder_rows() == []


def test_what_is_no_ladder_is_told(run):
    told = run("import", "FILE", "--why", "x", "--from", "soon", body=SLOWER)

    assert (told.exit_code, "读不懂" in told.output) == (1, True)
