"""Words come in from a file: all of it or nothing, every wrong line named."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.kernel.actor import SYSTEM
from app.kernel.audit import AuditEntry
from app.kernel.db import session
from app.kernel.errors import Forbidden, Invalid
from app.kernel.work import unit_of_work
from app.notifications import queries, service
from app.notifications.models import MessageTemplate
from app.notifications.rules import drafting, fitting, rendering
from app.notifications.rules.drafting import UnreadableFile
from app.notifications.rules.ways import Way
from app.notifications.rules.wording import SHIPPED, Wording
from app.wechat import fields
from app.wechat.answers import Template
from tests.conftest import MONDAY

CONTENT = "事项:{{thing1.DATA}}\n状态:{{phrase2.DATA}}\n时间:{{time3.DATA}}\n"
KNOWN = {
    "T1": Template(id="T1", title="受理", content=CONTENT),
    "T-long": Template(id="T-long", title="进度", content=CONTENT, is_long_term=True),
    "T-few": Template(
        id="T-few", title="状态", content=CONTENT, choices={"phrase2": ("已接单", "已结束")}
    ),
}
GOOD = {
    "kind": "accepted",
    "audience": "resident",
    "channel": "wechat",
    "title": "已接单",
    "template_id": "T1",
    "fields": {"thing1": "{category}", "phrase2": "{state}", "time3": "{time}"},
}


def lines(*entries):
    return list(enumerate(entries, 1))


def take(*entries, known=KNOWN, actor=SYSTEM):
    with unit_of_work():
        return service.import_templates(actor, lines(*entries), known)


def refused(*entries, known=KNOWN):
    with pytest.raises(Invalid) as raised:
        take(*entries, known=known)
    return {int(number): "；".join(words) for number, words in raised.value.errors.items()}


def count(table):
    session.rollback()
    return session.scalar(select(func.count()).select_from(table))


def held(kind="accepted", audience="resident", way=Way.WECHAT, at=MONDAY):
    return queries.wording_for(kind, audience, way, at)


def test_a_row_of_a_file_holds_from_now_on(world):
    report = take(GOOD)

    assert [one.kind for one in report.changed] == ["accepted"]
    assert held().template_id == "T1"
    assert held().page == "pages/ticket/ticket"
    assert held().text == next(
        o.text for o in SHIPPED if (o.kind, o.audience) == ("accepted", "resident")
    )


def test_the_same_file_again_changes_nothing(world):
    take(GOOD)
    report = take(GOOD)

    assert (len(report.changed), report.unchanged) == (0, 1)
    assert count(MessageTemplate) == 1


def test_a_later_day_leaves_today_as_it_is(world):
    take(GOOD)
    later = {**GOOD, "title": "师傅已接单", "valid_from": "2026-12-01"}
    take(later)
    take(later)

    assert held().title == "已接单"
    assert held(at=MONDAY + timedelta(days=15)).title == "师傅已接单"
    assert count(MessageTemplate) == 2


def test_each_change_is_audited_without_words(world):
    take(GOOD)

    acts = session.scalars(select(AuditEntry).where(AuditEntry.action.like("message.%"))).all()
    assert {one.action: one.facts for one in acts} == {
        "message.template_set": {"kind": "accepted", "audience": "resident", "channel": "wechat"},
        "message.templates_imported": {"count": 1},
    }


def test_one_wrong_line_keeps_all_out(world):
    wrong = refused(GOOD, {**GOOD, "kind": "closed", "fields": {"thing1": "{phone}"}})

    assert list(wrong) == [2]
    assert count(MessageTemplate) == 0


def test_a_dry_run_changes_nothing(world):
    report = service.import_templates(SYSTEM, lines(GOOD), KNOWN, dry_run=True)

    assert len(report.changed) == 1
    assert count(MessageTemplate) == 0


def test_only_who_runs_the_installation_may(world):
    with pytest.raises(Forbidden):
        take(GOOD, actor=world.actor("resident"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "party"}, "没有这种通知"),
        ({"channel": "pigeon"}, "channel 只能是"),
        ({"title": ""}, "没有填写：title"),
        ({"title": 7}, "title 应是文字"),
        ({"text": "{name}请看"}, "不能填写：name"),
        ({"text": "{place"}, "花括号没有成对"),
        ({"text": "在办{open}件"}, "这种通知里没有：open"),
        ({"template_id": ""}, "要填 template_id"),
        ({"fields": {}}, "要填 fields"),
        ({"fields": ["thing1"]}, "fields 应写成"),
        ({"fields": "thing1={category};thing1={place}"}, "重复"),
        ({"fields": {**GOOD["fields"], "thing1": ""}}, "空的"),
        ({"fields": {**GOOD["fields"], "thought4": "x"}}, "没有这样的字段：thought4"),
        ({"fields": {**GOOD["fields"], "thing1": "字" * 21}}, "文字太长"),
        ({"fields": {**GOOD["fields"], "phrase2": "OK"}}, "不能用的字"),
        ({"fields": {**GOOD["fields"], "time3": "尽快"}}, "time3 不能填成"),
        ({"fields": {**GOOD["fields"], "time3": "{number}"}}, "time3 不能填成"),
        ({"fields": {**GOOD["fields"], "thing9": "{place}"}}, "模板里没有：thing9"),
        ({"fields": {"thing1": "{category}", "time3": "{time}"}}, "模板还要填：phrase2（状态）"),
        ({"template_id": "T-gone"}, "没有这个模板：T-gone"),
        ({"template_id": "T-long"}, "长期订阅的模板"),
        ({"long_term": True}, "一次性订阅的模板"),
        ({"long_term": "maybe"}, "只能是 Y 或 N"),
        ({"template_id": "T-few"}, "phrase2 只能填：已接单、已结束"),
        ({"valid_from": "soon"}, "valid_from 写成"),
        ({"valid_from": "2026-11-15"}, "生效时间已过"),
        ({"channel": "sms", "text": "好"}, "只有微信通知才有"),
        ({"channel": "sms", "template_id": "", "fields": {}}, "没有填写：text"),
        ({"colour": "red"}, "多出的内容：colour"),
    ],
)
def test_what_is_wrong_is_said(world, change, words):
    assert words in refused({**GOOD, **change})[1]


def test_a_field_that_takes_chosen_values_takes_one_of_them(world):
    take({**GOOD, "template_id": "T-few", "fields": {**GOOD["fields"], "phrase2": "已接单"}})

    assert held().template_id == "T-few"


def test_the_same_news_twice_in_a_file_is_a_mistake(world):
    assert refused(GOOD, {**GOOD, "title": "别的"}) == {2: "和第1行重复"}


def test_a_day_that_has_its_words_keeps_them(world):
    take({**GOOD, "valid_from": "2026-12-01"})

    again = refused({**GOOD, "title": "别的", "valid_from": "2026-12-01"})

    assert "这个时间已经定了别的内容" in again[1]


def test_without_wechat_only_its_limits_are_checked(world):
    assert "time3" in refused({**GOOD, "fields": {"time3": "{place}"}}, known=None)[1]
    take({**GOOD, "template_id": "T-anything"}, known=None)

    assert held().template_id == "T-anything"


def test_a_csv_says_the_same_as_a_json():
    csv = (
        "\n".join(
            (
                "kind,audience,channel,title,template_id,fields",
                "accepted,resident,wechat,已接单,T1,thing1={category}；phrase2={state};time3={time}",
                ",,,,,",
            )
        )
        + "\n"
    )

    (from_csv,) = drafting.check(drafting.read_lines(csv), MONDAY).wordings.values()
    (from_json,) = drafting.check(drafting.read_lines(json.dumps([GOOD])), MONDAY).wordings.values()

    assert from_csv == from_json


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "表头不对"),
        ("kind,audience,channel,title\n", "没有内容"),
        ("kind,audience,channel,title,colour\n", "不认识 colour"),
        ("kind,audience,title\n", "缺少 channel"),
        ("kind,kind,audience,channel,title\n", "重复的列"),
        ('kind,audience,channel,title\na,b,c,"d\n', "读不懂"),
        ("[1]", "列表"),
        ("{}", "列表"),
        ("[{]", "JSON"),
    ],
)
def test_a_file_that_is_none_says_why(text, words):
    with pytest.raises(UnreadableFile, match=words):
        drafting.read_lines(text)


def test_a_line_with_too_many_cells_is_named():
    read = drafting.read_lines("kind,audience,channel,title\na,b,c,d,e\n")

    assert "多余的格" in drafting.check(read, MONDAY).problems[2][0]


NAMES = st.sampled_from(
    ["thing1", "phrase2", "time3", "character_string4", "number5", "date6", "name7", "symbol8"]
)
PIECES = st.one_of(
    st.sampled_from(sorted("{" + one + "}" for one in rendering.PLACEHOLDERS)),
    st.text(alphabet="ab1已结束 ：😀", max_size=12),
)


@given(name=NAMES, words=st.lists(PIECES, min_size=1, max_size=4).map("".join))
def test_what_is_let_in_is_what_wechat_takes(name, words):
    one = Wording("accepted", "resident", "t", "t", "p", "wechat", "T", {name: words})

    if not fitting.faults(one, None):
        facts = fitting._facts(one)
        assert fields.takes(name, rendering.fields_of(one.fields, facts)[name])
