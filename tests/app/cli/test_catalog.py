"""The catalogue commands load, check, and name every wrong line."""

import pytest

from app.catalog import queries, service
from app.cli.catalog import catalog_commands

pytestmark = pytest.mark.usefixtures("app", "monday")


@pytest.fixture
def run(app):
    def invoke(*words):
        return app.test_cli_runner().invoke(catalog_commands, [str(word) for word in words])

    return invoke


@pytest.fixture
def wrong(tmp_path):
    file = tmp_path / "wrong.csv"
    text = service.SHIPPED.read_text(encoding="utf-8-sig")
    file.write_text(text.replace("P2,daily,2sh", "P2,moon,2sh", 1), encoding="utf-8-sig")
    return file


def test_the_shipped_categories_load_twice_without_harm(run):
    first, again = run("load"), run("load")

    assert "新增83类" in first.output
    assert "不变83类" in again.output
    assert len(queries.rows()) == 83


def test_a_good_file_is_checked_without_loading(run):
    told = run("check", service.SHIPPED)

    assert told.exit_code == 0
    assert "83类，没有问题" in told.output
    assert queries.rows() == []


@pytest.mark.parametrize("command", ["check", "load"])
def test_a_wrong_line_is_named_and_nothing_loaded(run, wrong, command):
    told = run(command, wrong)

    assert told.exit_code == 1
    assert "第15行" in told.output
    assert "moon" in told.output
    assert queries.rows() == []
