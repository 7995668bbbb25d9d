"""Uploads become part of a step: each once, its owner's only, few enough, in order."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.kernel.db import session
from app.kernel.errors import Invalid
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.media import queries, service
from app.media.models import Media, MediaState
from app.media.rules import MediaKind
from tests.make import media as make

pytestmark = pytest.mark.usefixtures("folder")


def attach(owner, media, *, ticket_id=None, step_id=None, purpose="report"):
    with unit_of_work():
        return service.attach(
            [one.id for one in media],
            owner_id=owner.person_id,
            ticket_id=ticket_id or new_id(),
            step_id=step_id or new_id(),
            purpose=purpose,
        )


def test_uploads_hang_on_their_step_in_the_order_given(monday):
    owner, ticket_id, step_id = make.person(), new_id(), new_id()
    uploads = [make.upload(owner, at=monday) for _ in range(4)]
    make.upload(owner, at=monday)
    attach(owner, [make.upload(owner, at=monday)])
    wanted = [uploads[2], uploads[0], uploads[3], uploads[1]]

    attached = attach(owner, wanted, ticket_id=ticket_id, step_id=step_id, purpose="resolve")

    assert [media.id for media in attached] == [media.id for media in wanted]
    assert {media.state for media in attached} == {MediaState.ATTACHED}
    assert {media.purpose for media in attached} == {"resolve"}
    assert [media.id for media in queries.of_ticket(ticket_id)] == [m.id for m in wanted]
    by_step = queries.of_steps([step_id, new_id()])
    assert {step: [m.id for m in found] for step, found in by_step.items()} == {
        step_id: [m.id for m in wanted]
    }


def test_a_ticket_tells_its_media_step_by_step(monday):
    owner, ticket_id = make.person(), new_id()
    first, second = make.upload(owner, at=monday), make.upload(owner, at=monday)
    steps = [new_id(), new_id()]

    attach(owner, [second], ticket_id=ticket_id, step_id=steps[0])
    attach(owner, [first], ticket_id=ticket_id, step_id=steps[1])

    assert [media.id for media in queries.of_ticket(ticket_id)] == [second.id, first.id]


def test_nothing_is_attached_by_nothing():
    assert attach(make.person(), []) == []
    assert queries.of_steps([]) == {}
    assert queries.voices_of([]) == []


def refused(owner, media) -> str:
    with pytest.raises(Invalid) as refusal:
        attach(owner, media)
    return refusal.value.code


def test_only_ones_own_unused_and_living_uploads_are_taken(monday):
    owner, other = make.person(), make.person("李芳")
    mine, theirs = make.upload(owner, at=monday), make.upload(other, at=monday)
    used, gone = make.upload(owner, at=monday), make.upload(owner, at=monday)
    attach(owner, [used])
    with unit_of_work():
        service.delete([gone.id])

    for wrong in (theirs, used, gone, Media(id=new_id())):
        assert refused(owner, [mine, wrong]) == "bad_media"
    assert refused(owner, [mine, mine]) == "bad_media"

    session.expire_all()
    assert session.get_one(Media, mine.id).state is MediaState.READY
    assert attach(owner, [mine])[0].id == mine.id


def test_nine_photos_and_one_voice_note_are_the_most(monday):
    owner = make.person()
    photos = [make.upload(owner, at=monday) for _ in range(10)]
    voices = [make.upload(owner, kind=MediaKind.VOICE, at=monday) for _ in range(2)]

    assert refused(owner, photos) == "too_many_photos"
    assert refused(owner, voices) == "too_many_voices"

    assert len(attach(owner, [*photos[:9], voices[0]])) == 10


def test_of_two_steps_reaching_for_one_upload_one_gets_it(app, monday):
    owner = make.person()
    uploads = [make.upload(owner, at=monday) for _ in range(10)]
    together = threading.Barrier(2)

    def reach(order) -> int:
        won = 0
        with app.app_context():
            for media in order:
                together.wait(20)
                try:
                    attach(owner, [media])
                    won += 1
                except Invalid:
                    continue
            session.remove()
        return won

    with ThreadPoolExecutor(2) as pool:
        won = [pool.submit(reach, uploads), pool.submit(reach, uploads)]

    assert sum(one.result() for one in won) == len(uploads)


def test_taking_away_tells_how_many_and_does_so_once(monday):
    owner, ticket_id = make.person(), new_id()
    voice = make.upload(owner, kind=MediaKind.VOICE, at=monday)
    photo = make.upload(owner, at=monday)
    noise = make.upload(owner, kind=MediaKind.VOICE, at=monday)
    attach(owner, [voice, photo], ticket_id=ticket_id)
    attach(owner, [noise])
    old = queries.voices_of([ticket_id])

    with unit_of_work():
        assert service.delete(old) == 1
        assert service.delete(old) == 0
        assert service.delete([]) == 0

    assert old == [voice.id]
    assert [media.id for media in queries.of_ticket(ticket_id)] == [photo.id]
    assert queries.voices_of([ticket_id]) == []
    assert queries.live(noise.id) is not None


def test_the_worklists_of_media_use_their_indexes(monday):
    owner = make.person()
    for _ in range(3):
        make.upload(owner, at=monday)
    none = "'00000000-0000-0000-0000-000000000000'"
    wanted = {
        "ix_media_ticket_id": f"ticket_id = {none}",
        "ix_media_step_id": f"step_id IN ({none})",
        "ix_media_owner_id_created_at": f"owner_id = {none} AND created_at > '2026-11-16'",
        "ix_media_unattached": "attached_at IS NULL AND gone_at IS NULL",
        "ix_media_to_erase": "gone_at IS NOT NULL AND erased_at IS NULL",
    }

    told = {index: make.explained(where) for index, where in wanted.items()}

    assert [index for index in wanted if index not in told[index]] == []
