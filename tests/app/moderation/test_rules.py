"""What verdicts mean, and the words we look for ourselves: nothing but the rules."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.moderation import rules
from app.moderation.rules import CHUNK, Kind, State, Suggest
from app.moderation.service.asking import word_list
from tests.conftest import MONDAY

WORDS = word_list().words


def test_only_what_passed_is_shown():
    assert {one for one in Suggest if rules.state_of(one) in rules.PUBLISHABLE} == {Suggest.PASS}


@pytest.mark.parametrize(
    "text",
    ["加微信", "加 微 信 领钱", "加*微*信", "加\u200b微\u200b信", "无抵押 贷款", "加Ｖ信", "加V信"],
)
def test_tricks_with_signs_and_width_are_seen_through(text):
    assert rules.has_listed(text, WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "楼道灯不亮，物业推了三次",
        "社区腐败，混蛋物业",
        "保安赌气走了",
        "我住301，电话10020000000",
        "",
    ],
)
def test_anger_and_blame_are_no_reason(text):
    assert not rules.has_listed(text, WORDS)


@given(st.sampled_from(sorted(WORDS)), st.lists(st.sampled_from(" *-_.·、\u3000\u200b\n")))
def test_no_sign_between_hides_a_word(word, signs):
    spaced = "".join(a + b for a, b in zip(word, [*signs, *[" "] * len(word)], strict=False))

    assert rules.has_listed(f"您好{spaced}谢谢", WORDS)


@given(st.text(max_size=3 * CHUNK))
def test_a_text_in_parts_is_the_whole_and_each_fits(text):
    parts = rules.chunks(text)

    assert "".join(parts) == text
    assert all(0 < len(part) <= CHUNK for part in parts)


@given(st.lists(st.tuples(st.sampled_from(Suggest), st.integers(0, 30000)), min_size=1))
def test_one_bad_part_makes_the_whole_bad(found):
    suggest, _ = rules.worst(found)

    assert (suggest is Suggest.PASS) == (
        {one for one, _ in found} <= {Suggest.PASS, Suggest.UNKNOWN}
        and Suggest.PASS in {one for one, _ in found}
    )


@pytest.mark.parametrize("kind", Kind)
def test_without_an_openid_only_clean_words_of_staff_pass(kind):
    passed = {
        (flagged, is_staff)
        for flagged in (True, False)
        for is_staff in (True, False)
        if rules.without_openid(kind, flagged=flagged, is_staff=is_staff)[0] is State.PASSED
    }

    assert passed == ({(False, True)} if kind in (Kind.TEXT, Kind.WORDS) else set())


def test_wechat_is_asked_about_what_came_within_two_hours():
    assert rules.may_ask(MONDAY, MONDAY + timedelta(minutes=119))
    assert not rules.may_ask(MONDAY, MONDAY + timedelta(hours=2))


def test_a_lost_verdict_is_asked_for_within_half_an_hour():
    every = timedelta(minutes=5)

    assert rules.MEDIA_LOST_AFTER + every <= timedelta(minutes=30)


def test_a_word_list_names_its_edition():
    assert word_list().version
    with pytest.raises(ValueError, match="version"):
        rules.read_words("加微信\n")
    with pytest.raises(ValueError, match="version"):
        rules.read_words("# version: 1\n")
