"""``flask territory``: a look first, then all or nothing."""

import pytest
from click.testing import Result
from sqlalchemy import func, select

from app.cli.territory import territory
from app.kernel import tables
from app.kernel.db import session
from app.territory import queries
from app.territory.models import Grid, Place
from app.territory.rules import Datum
from tests.make import territory as make

HEADINGS = ("级别", "编码", "名称", "上级编码")
GOOD = [
    ("社区", "330199001008", "桃园社区", ""),
    ("小区", "", "桃园里", "330199001008"),
]
BAD = [*GOOD, ("小区", "", "孤苑", "330199009009")]


@pytest.fixture
def run(app):
    def running(*arguments) -> Result:
        result = app.test_cli_runner().invoke(territory, [str(one) for one in arguments])
        session.rollback()
        return result

    return running


def count(model) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize("write", [tables.to_csv, tables.to_xlsx])
def test_a_tree_is_imported_from_csv_and_xlsx_after_a_dry_run(run, tmp_path, write):
    make.town()
    file = tmp_path / "组织树"
    file.write_bytes(write(HEADINGS, GOOD))

    dry = run("import", "tree", file, "--dry-run")
    before = count(Place)
    real = run("import", "tree", file)

    assert (dry.exit_code, real.exit_code) == (0, 0)
    assert "新增 2" in dry.output
    assert "试运行" in dry.output
    assert count(Place) == before + 2
    assert queries.search("桃园里")


def test_a_bad_row_is_told_by_its_line_and_fails_the_command(run, tmp_path):
    make.town()
    file = tmp_path / "tree.csv"
    file.write_bytes(tables.to_csv(HEADINGS, BAD))
    before = count(Place)

    for arguments in (("import", "tree", file), ("import", "tree", file, "--dry-run")):
        result = run(*arguments)
        assert result.exit_code == 1
        assert "第 4 行" in result.output
        assert "missing_parent" in result.output
    assert count(Place) == before


def test_what_is_no_table_fails_in_plain_words(run, tmp_path):
    file = tmp_path / "tree.csv"
    file.write_bytes(b"")

    result = run("import", "tree", file)

    assert result.exit_code == 1
    assert "表格" in result.output


def test_grids_are_imported_in_the_datum_named(run, tmp_path):
    make.town()
    file = tmp_path / "grids.geojson"
    file.write_text("\ufeff" + make.collection(make.feature(make.box(0, 0, 1, 1), "G1")), "utf-8")

    assert run("import", "grids", file).exit_code == 2
    dry = run("import", "grids", file, "--datum", "gcj02", "--dry-run")
    before = count(Grid)
    real = run("import", "grids", file, "--datum", "gcj02")

    assert (dry.exit_code, before, real.exit_code, count(Grid)) == (0, 0, 0, 1)
    assert queries.spot_at(*make.at(0.5, 0.5), Datum.GCJ02).grid_id is not None


def test_a_file_that_is_not_utf8_is_refused(run, tmp_path):
    file = tmp_path / "grids.geojson"
    file.write_bytes("网格".encode("gb18030"))

    result = run("import", "grids", file, "--datum", "gcj02")

    assert result.exit_code == 1
    assert "UTF-8" in result.output


def test_levels_are_shown(run):
    make.town()

    result = run("levels")

    assert "street     街道" in result.output
