"""``flask messages`` and ``flask wechat templates`` show and take in what people are told."""

import json

import pytest

from app.cli.messages import message_commands
from app.cli.wechat import wechat_commands
from app.wechat import gateway
from app.wechat.gateway import Gateway, NotConfigured
from tests.make.pretend import pretended

NOWHERE = "http://127.0.0.1:9/"
HEADER = "kind,audience,channel,title,template_id,fields"
FIELDS = "thing1={category};character_string2={number};phrase3={state};time4={time};thing5=已接单"
LINE = f"accepted,resident,wechat,已接单,fake-accepted,{FIELDS}"


@pytest.fixture
def installed():
    yield gateway.install
    gateway.install(NotConfigured())


@pytest.fixture
def platform(app, settings, installed):
    with pretended(settings, push_url=NOWHERE) as there:
        installed(Gateway(there.wechat))
        yield there


@pytest.fixture
def run(app):
    def invoke(*words, of=message_commands):
        return app.test_cli_runner().invoke(of, [str(word) for word in words])

    return invoke


@pytest.fixture
def file(tmp_path):
    def write(*lines):
        path = tmp_path / "words.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
        return path

    return write


def test_the_templates_of_the_mini_program_are_listed_with_their_fields(run, platform):
    told = run("templates", of=wechat_commands)

    assert told.exit_code == 0, told.output
    assert "fake-accepted  受理通知  一次性订阅" in told.output
    assert "  字段 character_string2 编号" in told.output
    assert "共4个模板。" in told.output


def test_without_a_mini_program_there_is_none_to_list(run, app, installed):
    installed(NotConfigured())

    told = run("templates", of=wechat_commands)

    assert told.exit_code == 1
    assert "没有设置小程序" in told.output


def test_a_wechat_that_does_not_answer_is_said_in_words(run, platform):
    platform.turn("fail", path="wxaapi/newtmpl/gettemplate", kind="-1", times=9)

    told = run("templates", of=wechat_commands)

    assert told.exit_code == 1
    assert "微信没有答复（Busy" in told.output


def test_a_file_is_taken_in_and_shown(run, platform, file, monday):
    taken = run("import", file(HEADER, LINE))
    shown = run("templates")

    assert taken.exit_code == 0, taken.output
    assert "改动1条，不变0条。" in taken.output
    assert "accepted  resident  wechat  已接单  fake-accepted" in shown.output
    assert "  thing5 = 已接单" in shown.output
    assert "共1条。" in shown.output


def test_a_dry_run_tells_and_keeps_nothing(run, platform, file, monday):
    taken = run("import", file(HEADER, LINE), "--dry-run")

    assert "将改动1条" in taken.output
    assert "共0条。" in run("templates").output


def test_a_line_that_does_not_fit_wechats_template_is_named(run, platform, file, monday):
    wrong = LINE.replace(";thing5=已接单", ";thing6=已接单")

    told = run("import", file(HEADER, wrong, LINE.replace("fake-accepted", "fake-gone")))

    assert told.exit_code == 1
    assert "第2行 模板还要填：thing5（说明）；模板里没有：thing6" in told.output
    assert "第3行 和第2行重复" in told.output
    assert "有2行不对，没有导入。" in told.output


def test_without_wechat_a_notice_says_what_was_not_checked(run, installed, file, monday):
    installed(NotConfigured())

    told = run("import", file(HEADER, LINE))

    assert told.exit_code == 0
    assert "注意 没有设置小程序" in told.output


def test_json_is_taken_too(run, installed, tmp_path, monday):
    installed(NotConfigured())
    path = tmp_path / "words.json"
    entry = {
        "kind": "nudged",
        "audience": "handler",
        "channel": "*",
        "title": "催办",
        "text": "{place}催办",
    }
    path.write_text(json.dumps([entry], ensure_ascii=False), encoding="utf-8")

    assert "改动1条" in run("import", path).output


@pytest.mark.parametrize(("content", "words"), [(b"\xff\xfe", "UTF-8"), (b"a,b\n", "表头不对")])
def test_a_file_nobody_can_read_is_refused_in_words(run, app, tmp_path, content, words):
    path = tmp_path / "words.csv"
    path.write_bytes(content)

    told = run("import", path)

    assert told.exit_code == 1
    assert words in told.output


def test_the_shipped_words_can_be_looked_at(run, app):
    told = run("templates", "--shipped")

    assert "please_confirm  resident  *  已处理，请您确认" in told.output
