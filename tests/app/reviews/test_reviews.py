"""Asking a second person and deciding as one."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor, Permission
from app.kernel.db import db, session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.reviews import access, queries, service
from app.reviews.rules import Verdict
from tests.make import reviews as make

pytestmark = pytest.mark.usefixtures("app")

COMMUNITY, STREET, ELSEWHERE = new_id(), new_id(), new_id()


@pytest.fixture
def asker():
    return make.reviewer(COMMUNITY)


@pytest.fixture
def second():
    return make.reviewer(COMMUNITY)


def decide(actor, review, verdict=Verdict.APPROVED, words="同意"):
    with unit_of_work():
        return service.decide(actor, review.id, verdict, words)


def test_a_second_person_at_the_desk_decides(asker, second, monday):
    review = make.asked(asker, COMMUNITY, evidence={"media": ["a"]})

    decided = decide(second, review)

    assert (decided.verdict, decided.decider_id) == (Verdict.APPROVED, second.person_id)
    assert decided.decided_at == decided.closed_at == monday
    assert decided.evidence == {"media": ["a"]}


def test_what_was_decided_is_what_the_database_says(asker, second):
    review = make.asked(asker, COMMUNITY)

    decide(second, review, Verdict.REJECTED, "属于你们的服务范围")

    session.remove()
    read = queries.review(review.id)
    assert (read.verdict, read.words) == (Verdict.REJECTED, "属于你们的服务范围")


def test_the_asker_never_decides_their_own_question(asker):
    review = make.asked(asker, COMMUNITY)

    with pytest.raises(Forbidden) as refusal:
        decide(asker, review)

    assert refusal.value.code == "own_request"


def test_whoever_belongs_to_the_accused_never_decides(asker):
    firm, other = make.organisation("安居物业"), make.organisation("乐家物业")
    review = make.asked(asker, COMMUNITY, asked_for=other, forbidden_organisations=[firm])
    two_hats = make.reviewer(COMMUNITY, belongs=(firm,))
    harmless = make.reviewer(COMMUNITY, belongs=(other,))

    with pytest.raises(Forbidden) as refusal:
        decide(two_hats, review)

    assert refusal.value.code == "involved_in_review"
    assert not access.may_decide(two_hats, review, {COMMUNITY})
    assert access.may_decide(harmless, review, {COMMUNITY})


def test_who_does_not_sit_at_the_desk_does_not_learn_of_it(asker):
    review = make.asked(asker, COMMUNITY)
    wrong_place = make.reviewer(ELSEWHERE)
    wrong_right = make.reviewer(COMMUNITY, permission=Permission.TICKET_READ)

    for stranger in (wrong_place, wrong_right, Actor(person_id=make.person())):
        with pytest.raises(NotFound):
            decide(stranger, review)


def test_the_product_itself_is_nobodys_second_person(asker):
    review = make.asked(asker, COMMUNITY)

    with pytest.raises(Forbidden) as refusal:
        decide(SYSTEM, review)

    assert refusal.value.code == "needs_a_person"


def test_a_community_of_one_person_uses_the_street_as_second(asker):
    review = make.asked(asker, COMMUNITY, STREET)

    decided = decide(make.reviewer(STREET), review)

    assert decided.verdict is Verdict.APPROVED


def test_one_question_of_a_kind_is_open_at_a_time(asker, second):
    subject = new_id()
    first = make.asked(asker, COMMUNITY, subject_id=subject)
    make.asked(asker, COMMUNITY, subject_id=subject, kind="decline")
    make.asked(asker, COMMUNITY)

    with pytest.raises(Conflict) as refusal:
        make.asked(second, COMMUNITY, subject_id=subject)
    decide(second, first, Verdict.REJECTED, "请继续办理")
    again = make.asked(asker, COMMUNITY, subject_id=subject)

    assert refusal.value.code == "review_open"
    assert again.id != first.id


def test_a_question_needs_a_desk_and_a_reason(asker):
    for flaw, code in (
        ({"desk_nodes": ()}, "no_desk"),
        ({"reason": "  "}, "reason_needed"),
        ({"reason": "长" * 1001}, "words_too_long"),
    ):
        with pytest.raises(Invalid) as refusal:
            make.asked(asker, COMMUNITY, **flaw)
        assert refusal.value.code == code


def test_a_rejection_needs_words(asker, second):
    review = make.asked(asker, COMMUNITY)

    with pytest.raises(Invalid) as refusal:
        decide(second, review, Verdict.REJECTED, " ")

    assert refusal.value.code == "words_needed"


def test_a_decided_question_stays_decided(asker, second):
    review = make.asked(asker, COMMUNITY)
    decide(second, review)

    for act in (
        lambda: decide(make.reviewer(COMMUNITY), review, Verdict.REJECTED, "不同意"),
        lambda: service.cancel(asker, review.id),
        lambda: service.climb(SYSTEM, review.id, [STREET], due_at=clock.now() + timedelta(hours=8)),
    ):
        with pytest.raises(Conflict) as refusal:
            act()
        assert refusal.value.code == "review_closed"


def test_the_asker_may_take_it_back_and_others_may_not(asker, second):
    review = make.asked(asker, COMMUNITY)

    with pytest.raises(Forbidden), unit_of_work():
        service.cancel(second, review.id)
    with unit_of_work():
        cancelled = service.cancel(asker, review.id, reason="选错了")

    assert cancelled.closed_at is not None
    assert (cancelled.verdict, cancelled.decided_at) == (None, None)
    with pytest.raises(Conflict):
        decide(second, review)


def test_a_late_question_climbs_and_the_old_desk_may_still_answer(asker, second, monday):
    review = make.asked(asker, COMMUNITY)
    make.asked(asker, COMMUNITY, due_at=monday + timedelta(days=1))
    above = make.reviewer(STREET)
    late = monday + make.DUE

    with clock.frozen(late), unit_of_work():
        found = [row.id for row in queries.overdue(late)]
        climbed = service.climb(SYSTEM, review.id, [STREET, COMMUNITY], due_at=late + make.DUE)

    assert found == [review.id]
    assert (climbed.climbed, climbed.due_at) == (1, late + make.DUE)
    assert queries.desk_nodes(review.id) == {COMMUNITY, STREET}
    assert access.may_decide(above, climbed, queries.desk_nodes(review.id))
    assert access.may_decide(second, climbed, queries.desk_nodes(review.id))
    assert queries.overdue(late) == []


def test_a_question_climbs_only_once_its_time_has_passed(asker, monday):
    review = make.asked(asker, COMMUNITY)

    with pytest.raises(Conflict) as refusal, unit_of_work():
        service.climb(SYSTEM, review.id, [STREET], due_at=monday + timedelta(days=1))
    with pytest.raises(Invalid), unit_of_work():
        service.climb(SYSTEM, review.id, [], due_at=monday + timedelta(days=1))

    assert refusal.value.code == "not_overdue"


def test_the_list_shows_what_this_person_may_decide_most_urgent_first(asker, second, monday):
    firm = make.organisation()
    late = make.asked(asker, COMMUNITY, due_at=monday + timedelta(hours=3))
    soon = make.asked(asker, COMMUNITY, STREET, due_at=monday + timedelta(minutes=10))
    by_system = make.asked(SYSTEM, COMMUNITY, kind="decline", due_at=monday + timedelta(hours=4))
    own = make.asked(second, COMMUNITY, due_at=monday + timedelta(hours=1))
    make.asked(asker, ELSEWHERE)
    make.asked(asker, COMMUNITY, permission=Permission.CATALOG_EDIT)
    decide(make.reviewer(COMMUNITY), make.asked(asker, COMMUNITY))
    accusing = make.asked(asker, COMMUNITY, forbidden_organisations=[firm])
    of_the_firm = make.reviewer(COMMUNITY, STREET, belongs=(firm, make.organisation("乐家物业")))

    def listed(actor, **only):
        return [row.id for row in queries.awaiting(actor, **only).items]

    assert listed(second) == [soon.id, late.id, by_system.id, accusing.id]
    assert listed(asker) == [own.id, by_system.id]
    assert listed(of_the_firm) == [soon.id, own.id, late.id, by_system.id]
    assert listed(second, kinds=["decline"]) == [by_system.id]
    assert listed(second, subject_kind="fund") == []
    assert listed(Actor(person_id=make.person())) == []
    assert listed(SYSTEM) == []


def test_the_list_pages_without_gaps(asker, second, monday):
    asked = [
        make.asked(asker, COMMUNITY, due_at=monday + timedelta(hours=n // 2)).id
        for n in range(1, 6)
    ]

    seen, cursor = [], None
    for _ in range(3):
        page = queries.awaiting(second, cursor=cursor, limit=2)
        seen += [row.id for row in page.items]
        cursor = page.next_cursor

    assert seen == asked
    assert cursor is None


def test_reviews_of_a_subject_are_told_open_and_whole(asker, second):
    subject, other = new_id(), new_id()
    first = make.asked(asker, COMMUNITY, subject_id=subject)
    decide(second, first)
    then = make.asked(asker, COMMUNITY, subject_id=subject, step=2)
    noise = make.asked(asker, COMMUNITY, subject_id=other)
    make.asked(asker, COMMUNITY, subject_id=subject, subject_kind="fund")

    assert [row.id for row in queries.of_subject("ticket", subject)] == [first.id, then.id]
    assert [row.id for row in queries.open_for("ticket", subject)] == [then.id]
    assert queries.open_for("ticket", subject, "decline") == []
    assert queries.open_for_many("ticket", [subject, other]) == {subject: [then], other: [noise]}


def test_of_many_deciders_at_once_one_wins(app, asker):
    deciders = [make.reviewer(COMMUNITY) for _ in range(6)]
    review = make.asked(asker, COMMUNITY)
    gate = threading.Barrier(len(deciders))
    won, lost = [], []

    def race(actor):
        with app.app_context():
            gate.wait()
            try:
                decide(actor, review)
                won.append(actor.person_id)
            except Conflict as conflict:
                lost.append(conflict.code)
            session.remove()

    run = [threading.Thread(target=race, args=(actor,)) for actor in deciders]
    for thread in run:
        thread.start()
    for thread in run:
        thread.join(30)

    session.remove()
    assert len(won) == 1
    assert lost == ["review_closed"] * 5
    assert queries.review(review.id).decider_id == won[0]


def test_of_many_askers_at_once_one_question_is_put(app):
    subject = new_id()
    askers = [make.reviewer(COMMUNITY) for _ in range(5)]
    gate = threading.Barrier(len(askers))
    put, refused = [], []

    def race(actor):
        with app.app_context():
            gate.wait()
            try:
                put.append(make.asked(actor, COMMUNITY, subject_id=subject).id)
            except Conflict as conflict:
                refused.append(conflict.code)
            session.remove()

    run = [threading.Thread(target=race, args=(actor,)) for actor in askers]
    for thread in run:
        thread.start()
    for thread in run:
        thread.join(30)

    session.remove()
    assert len(put) == 1
    assert refused == ["review_open"] * 4
    assert [row.id for row in queries.of_subject("ticket", subject)] == put


def test_the_open_rows_are_found_by_their_partial_index(asker, second):
    make.asked(asker, COMMUNITY)
    overdue = "SELECT id FROM review WHERE closed_at IS NULL ORDER BY due_at, id LIMIT 20"

    if db.engine.dialect.name == "sqlite":
        plan = session.execute(text(f"EXPLAIN QUERY PLAN {overdue}")).all()
    else:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.execute(text(f"EXPLAIN {overdue}")).all()

    assert "ix_review_open_due" in str(plan)
