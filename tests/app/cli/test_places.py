"""Signs from the command line."""

import pytest

from app.territory import queries as territory
from tests.app.signs.conftest import furnished, wechat
from tests.make import signs as make

__all__ = ["furnished", "wechat"]


@pytest.fixture
def code(world) -> str:
    return territory.place(world.places["compound"]).code


def test_the_signs_of_a_place_are_written_into_a_file(world, wechat, bare_app, code, tmp_path):
    out = tmp_path / "signs.pdf"

    done = bare_app.test_cli_runner().invoke(
        args=["places", "sheets", code, "--size", "a6", "--out", str(out)]
    )

    assert done.exit_code == 0, done.output
    assert "5 张牌子" in done.output
    assert len(make.pages(out.read_bytes())) == 5


def test_one_sign_can_be_a_picture(world, wechat, bare_app, code, tmp_path):
    out = tmp_path / "sign.png"

    done = bare_app.test_cli_runner().invoke(
        args=["places", "sheets", code, "--alone", "--out", str(out)]
    )

    assert done.exit_code == 0, done.output
    assert make.picture(out.read_bytes()).size == (2480, 3508)


def test_a_place_nobody_knows_is_said(world, wechat, bare_app, tmp_path):
    done = bare_app.test_cli_runner().invoke(
        args=["places", "sheets", "0", "--out", str(tmp_path / "x.pdf")]
    )

    assert done.exit_code == 1
    assert "没有这个编码的地址" in done.output
