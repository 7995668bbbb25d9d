"""Categories: what tokens mean, what may not be true together, who wins where."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.rules import (
    OVERRIDABLE,
    Accused,
    Kind,
    Override,
    Party,
    Token,
    Unit,
    Urgency,
    WorkCalendar,
    contradictions,
    layered,
)
from tests.make.catalog import category_view

NOW = datetime(2026, 11, 16, 2, tzinfo=UTC)


@given(st.integers(1, 366), st.sampled_from(Unit))
def test_a_token_reads_back_as_it_was_written(amount, unit):
    token = Token(amount, unit)

    assert Token.parse(str(token)) == token


@pytest.mark.parametrize(
    "text",
    ["", "0m", "01h", "5", "d", "-1d", "1.5h", "2 h", "3w", "2H", "367d", "9999wd", "１d", "1d\n"],
)
def test_what_is_no_token_is_refused(text):
    with pytest.raises(ValueError, match=r"token|year"):
        Token.parse(text)


@pytest.mark.parametrize(
    ("code", "changes", "wrong"),
    [
        ("EMG-FIRE", {"calendar": WorkCalendar.DAILY}, "calendar"),
        ("EMG-FIRE", {"callback_phone_required": False}, "callback_phone"),
        ("EMG-FIRE", {"accept_by": "1wh"}, "accept_by"),
        ("WPE-LIGHT", {"accept_by": "3d"}, "resolve_by"),
        ("WPE-LIGHT", {"confirm_within": "7wd"}, "confirm_within"),
        ("WPE-LIGHT", {"start_tier": 3}, "ceiling_tier"),
        ("WPE-LIGHT", {"start_tier": 2}, "ceiling_tier"),
        ("WPE-LIGHT", {"ceiling_tier": 5}, "start_tier"),
        ("WPE-LIGHT", {"start_tier": 0}, "start_tier"),
        ("HLP-ELDER", {"publishable": True}, "publishable"),
        ("SVC-ATTITUDE", {"default_party": Party.PROPERTY}, "default_party"),
        ("SVC-ATTITUDE", {"co_parties": (Party.PROPERTY,)}, "co_parties"),
        ("SVC-ATTITUDE", {"start_tier": 1}, "start_tier"),
        ("FIN-FUND", {"default_party": Party.OWNERS_COMMITTEE}, "default_party"),
        ("GOV-COMMSTAFF", {"start_tier": 2}, "start_tier"),
        ("WPE-LIGHT", {"accuses": Accused.PROPERTY}, "default_party"),
    ],
)
def test_a_contradiction_is_named(code, changes, wrong):
    view = category_view(code, **changes)

    assert wrong in dict(contradictions(view))


def test_nothing_stands_above_the_district_so_its_ceiling_may_equal_its_start():
    view = category_view("GOV-STREET")

    assert (view.start_tier, view.ceiling_tier) == (4, 4)
    assert not dict(contradictions(view))


@pytest.mark.parametrize(
    ("code", "numbers"),
    [
        ("EMG-FIRE", ("119", "110", "120")),
        ("EMG-GAS", ("119", "110", "120")),
        ("EMG-LIFT", ("119", "110", "120")),
        ("HLP-CHILD", ("110", "119", "120")),
        ("HLP-MISSING", ("110", "119", "120")),
        ("SEC-THEFT", ("110",)),
        ("WPE-LIGHT", ()),
    ],
)
def test_the_fitting_emergency_number_comes_first(code, numbers):
    assert category_view(code).hotlines == numbers


def override(place=None, grade=None, *, since=NOW, until=None, version=2, **changes):
    return Override("WPE-LIGHT", place, grade, since, until, version, changes)


def test_the_narrowest_override_wins_field_by_field():
    here, elsewhere = uuid4(), uuid4()
    overrides = [
        override(here, "甲级", version=5, accept_by="1sh"),
        override(None, "甲级", version=4, accept_by="30m", respond_by="4sh"),
        override(here, version=3, accept_by="3sh", respond_by="5sh", resolve_by="4d"),
        override(elsewhere, version=6, resolve_by="5d"),
        override(None, "乙级", version=7, resolve_by="6d"),
    ]

    view = layered(category_view(), overrides, here, "甲级", NOW)

    assert (view.accept_by, view.respond_by, view.resolve_by) == ("1sh", "4sh", "4d")
    assert view.policy_version == 5


@given(st.permutations(range(4)))
def test_the_order_of_rows_does_not_matter(order):
    here = uuid4()
    overrides = [
        override(here, "甲级", accept_by="1sh"),
        override(None, "甲级", accept_by="30m", respond_by="4sh"),
        override(here, accept_by="3sh", resolve_by="4d"),
        override(uuid4(), accept_by="9sh"),
    ]
    shuffled = [overrides[index] for index in order]

    assert layered(category_view(), shuffled, here, "甲级", NOW) == layered(
        category_view(), overrides, here, "甲级", NOW
    )


@pytest.mark.parametrize(
    ("at", "accept_by"),
    [
        (NOW - timedelta(seconds=1), "2sh"),
        (NOW, "1sh"),
        (NOW + timedelta(days=1) - timedelta(seconds=1), "1sh"),
        (NOW + timedelta(days=1), "2sh"),
    ],
)
def test_an_override_holds_from_its_start_until_just_before_its_end(at, accept_by):
    here = uuid4()
    only = override(here, until=NOW + timedelta(days=1), accept_by="1sh")

    assert layered(category_view(), [only], here, None, at).accept_by == accept_by


def test_whom_a_category_accuses_is_not_for_a_district_to_set():
    assert not {"accuses", "kind", "sensitive", "co_parties", "code"} & OVERRIDABLE


def test_views_compare_with_plain_words():
    view = category_view("EMG-FIRE")

    assert (view.urgency, view.calendar, view.kind) == ("P0", "24x7", "help")
    assert (view.urgency, view.calendar, view.kind) == (
        Urgency.P0,
        WorkCalendar.ALWAYS,
        Kind.HELP,
    )
