"""What holds of roles, sessions, tries, names and numbers, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity import passwords, rules
from app.identity.rules import LOCK, TRIES, LoginMethod, OrgKind, Role, Tries
from app.kernel.actor import Permission

NOON = datetime(2026, 11, 16, 4, 0, tzinfo=UTC)
minutes = st.integers(0, 60 * 24 * 400).map(lambda count: timedelta(minutes=count))


def test_every_role_has_permissions_and_a_seat():
    assert set(rules.ROLES) == set(Role) == set(rules.SEATS)
    assert all(seat.levels or seat.kinds for seat in rules.SEATS.values())


def test_only_the_street_restricts_people():
    holders = {role for role, held in rules.ROLES.items() if Permission.PERSON_RESTRICT in held}

    assert holders == {Role.STREET_STAFF}


def test_dispatching_counts_at_places_and_handling_in_organisations():
    at_place = rules.permissions_of(Role.COMMUNITY_STAFF, at_node=True)
    inside = rules.permissions_of(Role.COMMUNITY_STAFF, at_node=False)

    assert Permission.TICKET_DISPATCH in at_place - inside
    assert Permission.TICKET_HANDLE in inside - at_place
    assert Permission.TICKET_READ in inside & at_place


def test_the_committee_may_do_nothing_by_its_role():
    assert not rules.ROLES[Role.COMMITTEE_MEMBER]
    assert not rules.ROLES[Role.COMMITTEE_CHAIR]


@pytest.mark.parametrize("held", [Role.ADMIN, Role.AUDITOR])
def test_who_administers_does_not_audit(held):
    other = Role.AUDITOR if held is Role.ADMIN else Role.ADMIN

    assert rules.roles_clash(frozenset({held}), other)
    assert not rules.roles_clash(frozenset({Role.REPAIRER}), other)


def test_a_desk_stands_at_each_of_three_levels():
    assert rules.DESKS == {
        "community": OrgKind.COMMUNITY,
        "street": OrgKind.STREET,
        "district": OrgKind.DISTRICT,
    }
    assert rules.desk_level(OrgKind.PROPERTY_FIRM) is None


@given(method=st.sampled_from(LoginMethod), age=minutes)
def test_a_session_slides_but_not_for_ever(method, age):
    terms = rules.SESSION_TERMS[method]

    end = rules.session_end(method, NOON, NOON + age)

    assert end <= NOON + terms.longest
    assert end <= NOON + age + terms.idle
    assert end in (NOON + terms.longest, NOON + age + terms.idle)


@given(gaps=st.lists(minutes.filter(lambda gap: gap <= timedelta(minutes=40)), max_size=60))
def test_no_more_than_five_tries_are_judged_in_any_quarter_of_an_hour_of_locking(gaps):
    tries, at, judged = Tries(), NOON, []

    for gap in gaps:
        at += gap
        if not rules.is_locked(tries, at):
            tries = rules.count_try(tries, at)
            judged.append(at)

    for first, sixth in zip(judged, judged[TRIES:], strict=False):
        assert sixth - first >= LOCK


def test_the_fifth_try_locks_for_a_quarter_of_an_hour_and_then_counting_begins_anew():
    tries = Tries()
    for _ in range(TRIES):
        assert not rules.is_locked(tries, NOON)
        tries = rules.count_try(tries, NOON)

    assert rules.is_locked(tries, NOON + LOCK - timedelta(seconds=1))
    assert not rules.is_locked(tries, NOON + LOCK)
    assert rules.count_try(tries, NOON + LOCK) == Tries(1, None)


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("short1", False),
        ("onlyletterslong", False),
        ("1234567890123", False),
        ("ouyang2026xx", False),
        ("修理2026lamps", True),
        ("a1" * 65, False),
        ("kind-lamp-27", True),
    ],
)
def test_a_password_is_long_mixed_and_not_the_name(password, good):
    assert (rules.password_faults(password, "ouyang") is None) is good


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("100 1234 5678", "10012345678"),
        ("+86-10012345678", "10012345678"),
        ("１００１２３４５６７８", "10012345678"),
        ("(0571) 8765-4321", "057187654321"),
    ],
)
def test_a_phone_is_read_however_it_is_typed(typed, number):
    assert rules.normal_phone(typed) == number
    assert rules.personal_phone_is_good(number)


@pytest.mark.parametrize("typed", ["12345", "1001234567", "abc", "1001234567x", "٠١٢٣٤٥٦٧٨٩"])
def test_what_is_no_personal_number_is_told(typed):
    assert not rules.personal_phone_is_good(typed)


def test_a_duty_phone_may_be_a_short_service_number():
    assert rules.duty_phone_is_good("12345")
    assert not rules.duty_phone_is_good("12")


@pytest.mark.parametrize(
    ("name", "shown"),
    [("张三", "张**"), ("欧阳小雨", "欧阳**"), ("欧阳", "欧**"), ("", "居民"), (None, "居民")],
)
def test_other_residents_read_the_family_name_only(name, shown):
    assert rules.masked_name(name) == shown


def test_a_masked_phone_shows_its_ends():
    assert rules.masked_phone("10012345678") == "100****5678"
    assert rules.masked_phone("12345") == "****"
    assert rules.masked_phone(None) == ""


def test_the_hash_for_unknown_names_costs_what_a_real_one_costs():
    assert not passwords.is_outdated(passwords.NOBODY)
    assert passwords.verify(None, "anything") is False


def test_an_overlong_password_is_wrong_even_if_its_beginning_is_right():
    known = passwords.make_hash("a1" * 64)

    assert passwords.verify(known, "a1" * 64)
    assert not passwords.verify(known, "a1" * 64 + "b")
