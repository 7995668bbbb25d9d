"""A ladder that a district sets: rows with history, checked whole, told in advance."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from app.catalog.rules import Urgency
from app.escalation import queries, rules, rungs, service
from app.escalation.rules import SHIPPED, Effect, Rung
from app.kernel import audit, clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Forbidden, Invalid
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.sla.clocks import latest
from app.sla.rules import ClockKind
from app.tickets import queries as tickets
from app.tickets.states import Action
from tests.conftest import MONDAY
from tests.make import tickets as make
from workers import jobs

HEAD = "district,category,urgency,tier,hold,share_percent,at_once,effects,withdrawn\n"
CODE = "990101000000"
WHY = "区里规定"


def lines(body, *, head=HEAD):
    return rungs.read(head + body, as_json=False)


def set_from(body, **more):
    checked = service.check_ladder(lines(body))
    assert checked.problems == {}
    with unit_of_work():
        return service.set_ladder(SYSTEM, checked.rungs, why=WHY, **more)


def hold_at(world, tier, *, category=make.LIGHT, urgency="P3", later=timedelta(0)):
    rung = rules.rung_of(
        queries.ladder(),
        tier,
        district_id=world.places["district"],
        category=category,
        urgency=urgency,
        at=clock.now() + later,
    )
    return rung.hold


def at_community(world):
    """Have a ticket climb to the community; its running tier clock."""
    ticket_id = make.submitted(world)
    with clock.frozen(tickets.get(ticket_id).accept_due_at + timedelta(seconds=1)):
        jobs.watch(clock.now())
    session.expire_all()
    return ticket_id, tier_of(ticket_id)


def tier_of(ticket_id):
    session.expire_all()
    return latest(sla.clocks(ticket_id))[ClockKind.TIER]


def test_a_district_sets_its_own_rung_and_others_keep_what_is_shipped(world):
    set_from(f"{CODE},,,2,1wd,0,,notify supervise,\n")

    assert hold_at(world, 2) == "1wd"
    assert hold_at(world, 3) == "5wd"
    elsewhere = rules.rung_of(
        queries.ladder(), 2, district_id=None, category=make.LIGHT, urgency="P3", at=MONDAY
    )
    assert elsewhere.hold == "3wd"


def test_the_more_exactly_meant_goes_before_and_a_withdrawn_one_lets_the_wider_hold(world):
    set_from(
        f"{CODE},,,2,1wd,0,,notify supervise,\n{CODE},{make.LIGHT},,2,4h,0,,notify supervise,\n"
    )
    before = hold_at(world, 2)

    with make.after(hours=1):
        set_from(f"{CODE},{make.LIGHT},,2,,,,,yes\n")

        assert (before, hold_at(world, 2)) == ("4h", "1wd")


def test_a_rung_of_next_month_holds_from_then_on(world):
    set_from(f"{CODE},,,2,1wd,0,,notify supervise,\n", valid_from=MONDAY + timedelta(days=30))

    assert hold_at(world, 2) == "3wd"
    assert hold_at(world, 2, later=timedelta(days=31)) == "1wd"


def test_the_same_file_again_changes_nothing(world):
    body = f"{CODE},,,2,1wd,0,,notify supervise,\n"
    first = set_from(body)

    with make.after(hours=1):
        assert (len(first), set_from(body)) == (1, [])
    assert len(queries.ladder_rows()) == 1


def test_a_rung_that_was_set_is_never_changed(world):
    set_from(f"{CODE},,,2,1wd,0,,notify supervise,\n")

    with pytest.raises(DatabaseError), unit_of_work():
        session.execute(text("UPDATE ladder_rung SET hold = '9wd'"))


WRONG = {
    "a tier nobody holds": (f"{CODE},,,1,1wd,,,notify supervise,", "层级只能是"),
    "the tier it starts at": (f"{CODE},GOV-COMMSTAFF,,2,1wd,,,notify supervise,", "用不到"),
    "no way on": (f"{CODE},,,3,,,,notify supervise agenda,", "到不了上一级"),
    "above the top": (f"{CODE},,,4,5wd,,,notify supervise,", "上面没有层级"),
    "silence": (f"{CODE},,,2,1wd,,,notify,", "notify 和 supervise"),
    "a meeting below": (f"{CODE},,,2,1wd,,,notify supervise agenda,", "从街道开始"),
    "a package below": (f"{CODE},,,3,1wd,,,notify supervise package,", "从区一级开始"),
    "at once for all": (f"{CODE},,,2,1wd,,yes,notify supervise,", "只有P0、P1"),
    "a long share": (f"{CODE},,,2,1wd,900,,notify supervise,", "最多200%"),
    "an unknown district": ("123456000000,,,2,1wd,,,notify supervise,", "没有这个区"),
    "a street": ("990101001000,,,2,1wd,,,notify supervise,", "没有这个区"),
    "an unknown category": (f"{CODE},XYZ,,2,1wd,,,notify supervise,", "没有这个类别"),
    "another urgency": (f"{CODE},EMG-BURST,P3,2,1wd,,,notify supervise,", "紧急程度是P0"),
    "an odd urgency": (f"{CODE},,P9,2,1wd,,,notify supervise,", "紧急程度"),
    "an odd time": (f"{CODE},,,2,soon,,,notify supervise,", "看不懂时长"),
    "an odd tier": (f"{CODE},,,two,1wd,,,notify supervise,", "应是整数"),
    "an odd effect": (f"{CODE},,,2,1wd,,,shout,", "没有这个动作"),
    "an odd flag": (f"{CODE},,,2,1wd,,perhaps,notify supervise,", "应是"),
}


@pytest.mark.parametrize(("body", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_line_is_told_and_nothing_is_set(world, body, said):
    checked = service.check_ladder(lines(body + "\n"))

    assert [said in words for many in checked.problems.values() for words in many] == [True]


def test_two_lines_about_one_place_on_the_ladder_are_told(world):
    line = f"{CODE},,,2,1wd,,,notify supervise,\n"

    assert list(service.check_ladder(lines(line + line)).problems) == [3]


def test_a_column_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="unknown columns"):
        lines("1\n", head="after\n")
    with pytest.raises(ValueError, match="list of objects"):
        rungs.read("{}", as_json=True)


def test_json_and_csv_say_the_same(world):
    told = (
        f'[{{"district": "{CODE}", "tier": 2, "hold": "1wd", "at_once": false,'
        ' "category": null, "effects": ["notify", "supervise"]}]'
    )

    from_json = service.check_ladder(rungs.read(told, as_json=True))
    from_csv = service.check_ladder(lines(f"{CODE},,,2,1wd,,,notify supervise,\n"))

    assert from_json.rungs == from_csv.rungs


def test_a_start_in_the_past_or_before_what_stands_is_refused(world):
    rung = service.check_ladder(lines(f"{CODE},,,2,1wd,,,notify supervise,\n")).rungs
    other = service.check_ladder(lines(f"{CODE},,,2,2wd,,,notify supervise,\n")).rungs
    set_from(f"{CODE},,,2,1wd,,,notify supervise,\n", valid_from=MONDAY + timedelta(days=9))

    for given_rungs, start in ((rung, MONDAY - timedelta(days=1)), (other, None)):
        with pytest.raises(Invalid, match="bad_ladder"), unit_of_work():
            service.set_ladder(SYSTEM, given_rungs, why=WHY, valid_from=start)
    with pytest.raises(Invalid, match="bad_ladder"), unit_of_work():
        service.set_ladder(SYSTEM, other, why=" ", valid_from=MONDAY + timedelta(days=20))


def test_whoever_edits_no_catalogue_sets_no_ladder(world):
    rung = service.check_ladder(lines(f"{CODE},,,2,1wd,,,notify supervise,\n")).rungs

    for name in ("street", "district", "community", "resident"):
        with pytest.raises(Forbidden), unit_of_work():
            service.set_ladder(world.actor(name), rung, why=WHY)
    with unit_of_work():
        service.set_ladder(world.actor("admin"), rung, why=WHY)

    written = session.query(audit.AuditEntry).filter_by(action="ladder.set").all()
    assert [one.person_id for one in written] == [world.people["admin"]]


def test_what_runs_at_a_tier_follows_and_replays_exactly(world):
    ticket_id, before = at_community(world)
    with clock.frozen(before.started_at + timedelta(hours=1)):
        with unit_of_work():
            rung = service.check_ladder(lines(f"{CODE},,,2,9wd,0,,notify supervise,\n")).rungs
            service.set_ladder(SYSTEM, rung, why=WHY)
        told = [one for one in service.preview() if one.ticket_id == ticket_id]
        jobs.recount_open()
        jobs.recount_open()

    after = tier_of(ticket_id)
    assert (before.token, after.token) == ("3wd", "9wd")
    assert [(one.kind, one.after) for one in told] == [(ClockKind.TIER, after.due_at)]
    assert after.due_at > before.due_at
    actions = [step.action for step in tickets.steps_of(ticket_id)]
    assert actions.count(Action.RECOUNT) == 1
    assert service.differences_of(ticket_id) == []
    assert make.sound(ticket_id)


class Undone(Exception):
    """Ends a unit that was only tried."""


def try_out(body):
    with unit_of_work():
        service.set_ladder(SYSTEM, service.check_ladder(lines(body)).rungs, why=WHY)
        assert len(list(service.preview())) == 1
        raise Undone


def test_a_ladder_that_was_only_tried_moves_nothing(world):
    ticket_id, before = at_community(world)

    with clock.frozen(before.started_at + timedelta(hours=1)), pytest.raises(Undone):
        try_out(f"{CODE},,,2,9wd,0,,notify supervise,\n")

    assert tier_of(ticket_id) == before
    assert hold_at(world, 2) == "3wd"


SCOPES = st.sampled_from([None, "A"])
RUNGS = st.builds(
    Rung,
    tier=st.integers(2, 4),
    hold=st.sampled_from(["1wd", "2wd", "3wd"]),
    category_code=SCOPES,
    urgency=st.sampled_from([None, "P2"]),
    withdrawn=st.booleans(),
    valid_from=st.integers(0, 9).map(lambda n: MONDAY + timedelta(days=n)),
)


@given(st.lists(RUNGS, max_size=12), st.integers(0, 12), st.sampled_from(list(Urgency)))
def test_whatever_is_set_some_rung_holds_at_every_tier_and_only_once_begun(own, days, urgency):
    at = MONDAY + timedelta(days=days)

    for tier in (2, 3, 4):
        rung = rules.rung_of(
            (*SHIPPED, *own), tier, district_id=None, category="A", urgency=urgency.value, at=at
        )

        assert rung is not None
        assert not rung.withdrawn
        assert rung.since <= at
        assert rung.tier == tier


def test_the_shipped_ladder_would_pass_its_own_check():
    known = rungs.Known({}, lambda *_: None)

    assert [rungs.flaws(rung, known) for rung in SHIPPED] == [[]] * len(SHIPPED)
    assert Effect.PACKAGE in max(SHIPPED, key=lambda rung: rung.tier).effects
