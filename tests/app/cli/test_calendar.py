"""The calendar commands say what they did, line by line where something is wrong."""

import pytest

from app.cli.calendar import calendar_commands
from app.sla import queries
from tests.make.sla import days_off

pytestmark = pytest.mark.usefixtures("app", "monday")


@pytest.fixture
def run(app):
    def invoke(*words):
        return app.test_cli_runner().invoke(calendar_commands, [str(word) for word in words])

    return invoke


def test_seeding_says_which_years_and_which_are_missing(run):
    first, again = run("seed"), run("seed")

    assert "2004—2026" in first.output
    assert "2027年" in first.output
    assert "没有新的年份" in again.output


def test_a_year_is_tried_then_brought_in(run, tmp_path, monday):
    run("seed")
    file = tmp_path / "2027.csv"
    file.write_text(days_off(2027), encoding="utf-8-sig")

    tried = run("import", file, "--dry-run")
    assert "没有写入" in tried.output
    assert "版" not in tried.output
    assert queries.calendar_warnings(monday) != []
    done = run("import", file)

    assert "新增11天" in done.output
    assert "第2版" in done.output
    assert "都已录入" in run("warnings").output


def test_wrong_lines_and_wrong_encodings_are_told(run, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("date,kind,name\n2026-01-01,feast,元旦\n", encoding="utf-8")
    alien = tmp_path / "alien.csv"
    alien.write_bytes("date,kind,name\n2026-01-01,放假,元旦\n".encode("gb18030"))

    told, refused = run("import", wrong), run("import", alien)

    assert (told.exit_code, refused.exit_code) == (1, 1)
    assert "第2行" in told.output
    assert "UTF-8" in refused.output
