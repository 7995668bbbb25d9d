"""Sheets from asking to paper, with a WeChat that fails and workers that die."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.audit import AuditEntry
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, NotFound, RuleBroken, Unavailable
from app.kernel.work import unit_of_work
from app.media import decoding, store
from app.signs import address, rules, service
from app.signs.events import CodesDue, SheetsDue
from app.signs.models import SheetJob, SheetSign
from app.signs.rules import SheetFile, SignState
from app.signs.service import Wanted
from app.territory import queries as territory
from app.wechat import gateway
from app.wechat.errors import BadTemplate, Busy, QuotaReached
from tests.app.signs.conftest import URL
from tests.make import signs as make

OF_COMPOUND = 5
"""Itself, two buildings, and two homes that were given a scene."""
LATER = datetime(2026, 11, 17, tzinfo=UTC)


@pytest.fixture
def desk(world):
    return world.actor("community")


@pytest.fixture
def compound(world):
    return world.places["compound"]


def scenes_of(made) -> list[str]:
    session.rollback()
    rows = select(SheetSign.scene).where(SheetSign.job_id == made.id).order_by(SheetSign.position)
    return list(session.scalars(rows))


def written(action: str) -> list[AuditEntry]:
    session.rollback()
    return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


def test_a_compound_gets_a_page_for_itself_each_building_and_each_facility(
    world, wechat, desk, compound
):
    make.lift(world)

    made = make.ask(desk, compound)
    make.work()

    now = make.progress(desk, made)
    assert (now.total, now.done, now.failed, now.ready, now.note) == (6, 6, 0, True, "")
    assert now.files == (SheetFile.A4_PDF, SheetFile.A6_PDF)
    for file in now.files:
        pages = make.pages(make.file(desk, now, file))
        wanted = [{f"s={one}", f"{URL}/m/?s={one}"} for one in scenes_of(made)]
        assert [make.scans(page) for page in pages] == wanted


def test_units_and_homes_are_printed_only_where_they_have_a_scene(world, wechat, desk):
    building = world.places["building"]
    assert make.ask(desk, building).total == 3
    make.work()

    with unit_of_work():
        service.territory_service.issue_scene(SYSTEM, place_id=world.places["next_door"])

    assert make.ask(desk, building).total == 4


def test_first_scenes_are_issued_and_scenes_in_use_stay(world, wechat, desk, compound):
    hung = world.scenes["building"]

    scenes = scenes_of(make.ask(desk, compound))

    assert hung in scenes
    assert all(territory.spot_of_scene(one).compound_id == compound for one in scenes)


def test_asking_again_while_it_is_made_is_the_same_job(world, wechat, desk, compound):
    first = make.ask(desk, compound)
    again = make.ask(desk, compound)
    other = make.ask(desk, compound, alone=True)

    assert again.id == first.id != other.id
    make.work()
    assert make.ask(desk, compound).id != first.id


def test_a_code_is_asked_for_once_and_kept(world, wechat, desk, compound):
    make.ask(desk, compound)
    make.work()
    asked = list(wechat.asked)

    make.ask(desk, compound)
    make.work()

    assert len(asked) == len(set(asked)) == OF_COMPOUND
    assert wechat.asked == asked


def test_a_code_of_the_trial_version_is_not_printed_when_live(world, wechat, desk, compound):
    make.ask(desk, compound, alone=True)
    make.work()

    wechat._version = "trial"
    make.ask(desk, compound, alone=True)
    make.work()

    assert len(wechat.asked) == 2


# --- WeChat fails


def test_without_wechat_the_web_code_stands_alone_and_it_is_said(world, wechat, desk, compound):
    gateway.install(gateway.NotConfigured())

    made = make.ask(desk, compound)
    make.work()

    now = make.progress(desk, made)
    assert (now.done, now.failed, now.ready) == (OF_COMPOUND, OF_COMPOUND, True)
    assert "没有小程序码" in now.note
    assert "还没有接入微信小程序" in now.note
    page = make.pages(make.file(desk, now, SheetFile.A4_PDF))[0]
    assert make.scans(page) == {f"{URL}/m/?s={scenes_of(made)[0]}"}


def test_a_busy_wechat_is_asked_again_and_then_done_without(world, wechat, desk, compound):
    wechat.always = Busy(-1)
    made = make.ask(desk, compound)
    (batch,) = make.owed(CodesDue, made.id)

    for _ in range(rules.TRIES - 1):
        with pytest.raises(Unavailable):
            service.fetch(batch)
    service.fetch(batch)

    now = make.progress(desk, made)
    assert (now.done, now.failed) == (OF_COMPOUND, OF_COMPOUND)
    assert "暂时没有回应" in now.note
    assert len(wechat.asked) == rules.TRIES


def test_a_wechat_that_was_busy_for_a_moment_gives_every_code(world, wechat, desk, compound):
    wechat.faults = [None, Busy(-1), QuotaReached(LATER)]
    made = make.ask(desk, compound)
    (batch,) = make.owed(CodesDue, made.id)

    for _ in range(2):
        with pytest.raises(Unavailable):
            service.fetch(batch)
    service.fetch(batch)

    now = make.progress(desk, made)
    assert (now.done, now.failed) == (OF_COMPOUND, 0)


def test_what_wechat_refuses_for_good_is_asked_once(world, wechat, desk, compound):
    wechat.always = BadTemplate(41030)
    made = make.ask(desk, compound)
    make.work()

    assert make.progress(desk, made).failed == OF_COMPOUND
    assert len(wechat.asked) == 1


@pytest.mark.parametrize("picture", [b"<html>busy</html>", b"\x89PNG\r\n\x1a\nx", b""])
def test_a_picture_that_is_none_spoils_its_own_sign_only(world, wechat, desk, compound, picture):
    wechat.picture = picture
    made = make.ask(desk, compound)
    make.work()

    now = make.progress(desk, made)
    assert (now.failed, now.ready) == (OF_COMPOUND, True)
    assert "图片打不开" in now.note
    assert len(wechat.asked) == OF_COMPOUND


# --- workers die


class Killed(BaseException):
    """What a killed worker looks like from inside."""


def test_a_killed_worker_costs_no_code_and_no_sign(world, wechat, desk, compound):
    make.more_buildings(world, 45)
    made = make.ask(desk, compound)
    batches = make.owed(CodesDue, made.id)
    assert [(one.first, one.last) for one in batches] == [(0, 19), (20, 39), (40, 49)]

    wechat.faults = [None] * 7 + [Killed()]
    with pytest.raises(Killed):
        service.fetch(batches[0])
    session.rollback()
    assert make.progress(desk, made).done == 7
    for batch in (*batches, *batches):
        service.fetch(batch)

    assert sorted(wechat.asked) == sorted(
        [*(f"s={one}" for one in scenes_of(made)), wechat.asked[7]]
    )
    assert len(make.owed(SheetsDue, made.id)) == 1
    service.draw(make.owed(SheetsDue, made.id)[0])
    now = make.progress(desk, made)
    assert (now.done, now.failed, now.ready) == (50, 0, True)
    assert len(make.pages(make.file(desk, now, SheetFile.A6_PDF))) == 50


def test_a_worker_killed_between_a_code_and_its_row_asks_for_no_code_twice(
    world, wechat, desk, compound, monkeypatch
):
    made = make.ask(desk, compound)
    (batch,) = make.owed(CodesDue, made.id)

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(service.making, "_settle", die)
        with pytest.raises(Killed):
            service.fetch(batch)
    service.fetch(batch)

    assert len(wechat.asked) == len(set(wechat.asked)) == OF_COMPOUND
    assert make.progress(desk, made).done == OF_COMPOUND


def test_pages_whose_worker_was_killed_are_drawn_anew(world, wechat, desk, compound, monkeypatch):
    made = make.ask(desk, compound)
    for batch in make.owed(CodesDue, made.id):
        service.fetch(batch)
    (due,) = make.owed(SheetsDue, made.id)

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(service.making, "unit_of_work", die)
        with pytest.raises(Killed):
            service.draw(due)
    assert not make.progress(desk, made).ready
    service.draw(due)
    service.draw(due)

    assert make.progress(desk, made).ready


def test_work_that_was_lost_is_handed_out_anew_when_somebody_asks(world, wechat, desk, compound):
    made = make.ask(desk, compound)
    make.ask(desk, compound)
    assert len(make.owed(CodesDue, made.id)) == 1

    with clock.frozen(clock.now() + rules.PUSH_AGAIN):
        make.ask(desk, compound)

    assert len(make.owed(CodesDue, made.id)) == 2


def test_nothing_is_asked_of_wechat_and_nothing_drawn_in_a_unit_of_work(
    world, wechat, desk, compound, monkeypatch
):
    seen = []
    asked, repaint = wechat.place_code, decoding.repaint

    def watched(function):
        def call(*given):
            seen.append((service.making.session().in_transaction(), function.__name__))
            return function(*given)

        return call

    monkeypatch.setattr(wechat, "place_code", watched(asked))
    monkeypatch.setattr(decoding, "repaint", watched(repaint))
    monkeypatch.setattr(service.making.signs, "draw", watched(service.making.signs.draw))
    make.ask(desk, compound)
    make.work()

    assert {name for _, name in seen} == {"place_code", "repaint", "draw"}
    assert {is_open for is_open, _ in seen} == {False}


# --- who, where, how many


@pytest.mark.parametrize("name", ["other_community", "resident", "manager", "repairer", "grid"])
def test_whoever_does_not_hold_the_place_learns_nothing(world, wechat, desk, compound, name):
    made = make.ask(desk, compound)
    other = world.actor(name)

    for act in (
        lambda: make.ask(other, compound),
        lambda: service.progress(other, compound, made.id),
        lambda: service.link(other, compound, made.id, SheetFile.A4_PDF),
        lambda: service.renew(other, Wanted(compound), "lost"),
        lambda: service.revoke(other, Wanted(compound), "lost"),
    ):
        with pytest.raises(NotFound):
            act()
        session.rollback()


@pytest.mark.parametrize("name", ["community", "street", "district", "admin"])
def test_the_desks_above_a_place_and_administrators_print(world, wechat, compound, name):
    assert make.ask(world.actor(name), compound).total == OF_COMPOUND


def test_a_sheet_is_found_only_at_its_own_place(world, wechat, desk, compound):
    made = make.ask(desk, compound)

    with pytest.raises(NotFound):
        service.progress(desk, world.places["rivals"], made.id)


def test_more_signs_than_can_be_made_are_refused(world, wechat, desk, compound):
    make.more_buildings(world, rules.MOST_SIGNS)

    with pytest.raises(RuleBroken) as refused:
        make.ask(desk, compound)

    assert refused.value.code == "too_many_signs"


def test_a_place_that_hangs_no_sign_is_refused(world, wechat, desk):
    with pytest.raises(RuleBroken) as refused:
        make.ask(desk, world.places["next_door"])

    assert refused.value.code == "no_signs"


def test_signs_that_would_lead_nowhere_are_not_made(world, wechat, desk, compound):
    address.install("")

    with pytest.raises(RuleBroken) as refused:
        make.ask(desk, compound)

    assert refused.value.code == "no_public_url"


def test_a_facility_gets_its_own_sheet_and_a_foreign_one_is_unknown(world, wechat, desk, compound):
    own, foreign = make.lift(world), make.lift(world, at="rival_building")

    made = make.ask(desk, compound, facility_id=own)
    make.work()

    assert make.progress(desk, made).total == 1
    page = make.picture(make.file(desk, made, SheetFile.A6_PNG))
    assert make.scans(page) == {f"s={scenes_of(made)[0]}", f"{URL}/m/?s={scenes_of(made)[0]}"}
    with pytest.raises(NotFound):
        make.ask(desk, compound, facility_id=foreign)


# --- fetching


def test_a_picture_is_for_a_single_sign(world, wechat, desk, compound):
    many, one = make.ask(desk, compound), make.ask(desk, compound, alone=True)
    make.work()

    with pytest.raises(NotFound):
        make.file(desk, many, SheetFile.A4_PNG)
    assert make.picture(make.file(desk, one, SheetFile.A4_PNG)).size == (2480, 3508)


def test_what_is_not_drawn_cannot_be_fetched_yet(world, wechat, desk, compound):
    made = make.ask(desk, compound)

    with pytest.raises(Conflict) as refused:
        make.file(desk, made, SheetFile.A4_PDF)

    assert refused.value.code == "sheets_not_ready"


def test_a_link_is_for_its_viewer_and_cannot_be_made_up(world, wechat, desk, compound):
    made = make.ask(desk, compound, alone=True)
    make.work()
    token = service.link(desk, compound, made.id, SheetFile.A4_PDF)

    assert service.open_link(token, desk.person_id).data.startswith(b"%PDF")
    for given, viewer in ((token, world.people["street"]), (token + "x", None), ("", None)):
        with pytest.raises(NotFound) as refused:
            service.open_link(given, viewer)
        assert refused.value.code == "link_expired"


def test_a_link_is_good_for_ten_minutes(world, wechat, desk, compound):
    made = make.ask(desk, compound, alone=True)
    make.work()

    with time_machine.travel(LATER, tick=False) as told:
        token = service.link(desk, compound, made.id, SheetFile.A4_PDF)
        told.shift(rules.LINK_SECONDS)
        assert service.open_link(token).data
        told.shift(1)
        with pytest.raises(NotFound):
            service.open_link(token)


def test_old_sheets_are_cleared_away_and_can_be_made_again(world, wechat, desk, compound):
    made = make.ask(desk, compound)
    make.work()
    assert service.forget_old(clock.now()) == 0

    with clock.frozen(clock.now() + rules.KEPT + timedelta(days=1)) as later:
        assert service.forget_old(later) == 1
        assert service.forget_old(later) == 0
        assert list(store.current().list("signs/sheets/")) == []
        with pytest.raises(NotFound) as refused:
            make.file(desk, made, SheetFile.A4_PDF)
        assert refused.value.code == "sheets_gone"
        assert make.ask(desk, compound).id != made.id


# --- a new sign for an old one


def renew(actor, place_id, reason="damaged", **more) -> str:
    with unit_of_work():
        return service.renew(actor, Wanted(place_id, **more), reason)


def test_a_renewed_sign_opens_and_the_old_one_says_that_it_is_outdated(world, wechat, desk):
    old = world.scenes["building"]

    new = renew(desk, world.places["building"], "tampered")

    assert territory.spot_of_scene(new).place_id == world.places["building"]
    with pytest.raises(NotFound) as refused:
        territory.spot_of_scene(old)
    assert refused.value.code == "scene_revoked"
    assert "作废" in refused.value.detail


def test_who_renewed_when_and_why_is_written_down(world, wechat, desk):
    now = clock.now()
    renew(desk, world.places["building"], "tampered")

    (entry,) = written("signs.renewed")
    assert (entry.person_id, entry.at, entry.facts["reason"]) == (desk.person_id, now, "tampered")


@pytest.mark.parametrize("reason", ["", "because", "Damaged"])
def test_without_a_reason_nothing_is_renewed_or_revoked(world, wechat, desk, reason):
    building = world.places["building"]

    for act in (service.renew, service.revoke):
        with pytest.raises(Invalid), unit_of_work():
            act(desk, Wanted(building), reason)

    assert territory.spot_of_scene(world.scenes["building"]).place_id == building


def test_a_revoked_sign_opens_nothing_and_there_is_no_other(world, wechat, desk):
    building = world.places["building"]

    with unit_of_work():
        service.revoke(desk, Wanted(building), "not_needed")

    with pytest.raises(NotFound):
        territory.spot_of_scene(world.scenes["building"])
    assert written("signs.revoked")[0].facts == {"reason": "not_needed"}
    with pytest.raises(NotFound), unit_of_work():
        service.revoke(desk, Wanted(building), "not_needed")


def test_a_facilitys_sign_is_renewed_and_the_places_own_stays(world, wechat, desk, compound):
    lift = make.lift(world)
    old = scenes_of(make.ask(desk, compound, facility_id=lift))[0]

    new = renew(desk, compound, facility_id=lift)

    assert territory.spot_of_scene(new).facility_id == lift
    assert territory.spot_of_scene(world.scenes["building"]).place_id == world.places["building"]
    with pytest.raises(NotFound):
        territory.spot_of_scene(old)


def test_sheets_with_an_outdated_sign_cannot_be_fetched_any_more(world, wechat, desk, compound):
    made = make.ask(desk, compound)
    make.work()
    renew(desk, world.places["building"])

    with pytest.raises(Conflict) as refused:
        make.file(desk, made, SheetFile.A4_PDF)

    assert refused.value.code == "sheets_outdated"


def test_a_sign_renewed_before_drawing_is_not_drawn(world, wechat, desk, compound):
    made = make.ask(desk, compound)
    renew(desk, world.places["building"])
    make.work()

    session.rollback()
    states = session.scalars(select(SheetSign.state).where(SheetSign.job_id == made.id)).all()
    job = session.get(SheetJob, made.id)
    data = store.current().get(rules.file_key(job.id, SheetFile.A6_PDF))
    assert set(states) == {SignState.CODED}
    scanned = set().union(*map(make.scans, make.pages(data)))
    assert f"s={world.scenes['building']}" not in scanned
    assert len(scanned) == 2 * (OF_COMPOUND - 1)


@pytest.mark.parametrize("typed", ["{0} {1}", "{0}-{1}", " {0}   {1} ", "{0}{1}"])
def test_the_number_can_be_typed_as_it_is_printed(world, typed):
    scene = world.scenes["building"]
    text = typed.format(scene[:5].lower(), scene[5:])

    assert territory.spot_of_scene(text).place_id == world.places["building"]


def test_the_firm_and_the_community_stand_on_the_sign(world, wechat, desk, compound):
    made = make.ask(desk, compound, alone=True)

    (lettering,) = service.queries.letterings(made.id, clock.now())

    firm = service.queries.identity.firms_serving(compound, None, None, clock.now())[0]
    assert ("物业电话", firm.duty_phone) in lettering.phones
