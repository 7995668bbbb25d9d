"""The sweep: unused uploads, erased files, strays; killable anywhere, stopped by nothing."""

import os
from datetime import timedelta

import pytest

from app.kernel.db import session
from app.kernel.ids import new_id
from app.kernel.storage import FolderStorage
from app.kernel.work import unit_of_work
from app.media import queries, rules, service
from app.media.models import Media, MediaState
from app.media.rules import MediaKind
from tests.make import media as make

NOTHING = service.Swept(orphans=0, erased=0, strays=0, stubborn=0)


def paths(folder, media):
    return [folder / rules.key(media.stem, v) for v in rules.VARIANTS[media.kind]]


def are_there(folder, media) -> bool:
    found = {path.exists() for path in paths(folder, media)}
    assert len(found) == 1
    return found.pop()


def fresh(media) -> Media:
    session.expire_all()
    return session.get_one(Media, media.id)


@pytest.fixture(params=[500, 2], ids=["one batch", "many batches"])
def batch(request, monkeypatch):
    monkeypatch.setattr(service, "BATCH", request.param)


@pytest.mark.usefixtures("batch")
def test_uploads_nobody_used_for_a_day_go_with_their_files(folder, monday):
    owner = make.person()
    day_ago = monday - timedelta(hours=24)
    old = [make.upload(owner, at=day_ago - timedelta(minutes=1), folder=folder) for _ in range(5)]
    young = make.upload(owner, at=day_ago + timedelta(minutes=1), folder=folder)
    used = make.upload(owner, at=day_ago - timedelta(days=9), folder=folder)
    with unit_of_work():
        service.attach(
            [used.id], owner_id=owner.person_id, ticket_id=new_id(), step_id=new_id(), purpose="x"
        )

    swept = service.sweep(monday)

    assert (swept.orphans, swept.erased, swept.stubborn) == (5, 5, 0)
    assert [are_there(folder, media) for media in old] == [False] * 5
    assert {fresh(media).state for media in old} == {MediaState.GONE}
    assert fresh(old[0]).erased_at == monday
    assert are_there(folder, young)
    assert are_there(folder, used)
    assert service.sweep(monday) == NOTHING


def test_what_is_taken_away_is_erased_by_the_next_sweep(folder, monday):
    owner = make.person()
    voice = make.upload(owner, kind=MediaKind.VOICE, at=monday, folder=folder)
    other = make.upload(owner, kind=MediaKind.VOICE, at=monday, folder=folder)
    with unit_of_work():
        service.delete([voice.id])
    assert are_there(folder, voice)

    swept = service.sweep(monday)

    assert (swept.orphans, swept.erased) == (0, 1)
    assert not are_there(folder, voice)
    assert are_there(folder, other)


@pytest.mark.usefixtures("batch")
def test_files_without_a_row_go_after_an_hour(folder, monday):
    owner = make.person()
    known = [make.upload(owner, at=monday, folder=folder) for _ in range(3)]
    store = FolderStorage(folder)
    strays = [rules.key(new_id().hex, "large") for _ in range(5)]
    young = rules.key(new_id().hex, "large")
    for key in [*strays, young]:
        store.put(key, b"stray")
    for path in folder.rglob("*.jpg"):
        hours = 0.9 if path.name in young else 1.1
        stamp = (monday - timedelta(hours=hours)).timestamp()
        os.utime(path, (stamp, stamp))

    swept = service.sweep(monday, shards=rules.SHARDS)

    assert (swept.orphans, swept.erased, swept.strays, swept.stubborn) == (0, 0, 5, 0)
    assert not any(store.exists(key) for key in strays)
    assert store.exists(young)
    assert all(are_there(folder, media) for media in known)


def test_strays_wait_for_the_hour_of_their_folder(folder, monday):
    store = FolderStorage(folder)
    key = rules.key("07" + "0" * 30, "large")
    store.put(key, b"stray")
    stamp = (monday - timedelta(days=2)).timestamp()
    os.utime(folder / key, (stamp, stamp))

    by_hour = {hour: service.sweep(monday + timedelta(hours=hour)).strays for hour in range(24)}

    assert [(monday + timedelta(hours=h)).hour for h, gone in by_hour.items() if gone] == [7]


def test_one_stubborn_file_holds_nobody_up_and_is_tried_again(folder, monday):
    owner = make.person()
    stubborn, other = (make.upload(owner, at=monday, folder=folder) for _ in range(2))
    blocked = paths(folder, stubborn)[0]
    blocked.unlink()
    blocked.mkdir()
    with unit_of_work():
        service.delete([stubborn.id, other.id])

    first = service.sweep(monday)

    assert (first.erased, first.stubborn) == (1, 1)
    assert fresh(stubborn).erased_at is None
    assert fresh(other).erased_at == monday
    blocked.rmdir()
    assert service.sweep(monday).erased == 1
    assert fresh(stubborn).erased_at == monday


def test_a_sweep_that_was_killed_after_the_files_finishes_next_time(folder, monday):
    media = make.upload(make.person(), at=monday, folder=folder)
    with unit_of_work():
        service.delete([media.id])
    for path in paths(folder, media):
        path.unlink()

    swept = service.sweep(monday)

    assert (swept.erased, swept.stubborn) == (1, 0)
    assert queries.to_erase(after=media.id, limit=10) == []


def test_an_upload_attached_in_its_last_minute_is_not_an_orphan(folder, monday):
    owner = make.person()
    media = make.upload(owner, at=monday - timedelta(hours=23, minutes=59), folder=folder)
    with unit_of_work():
        service.attach(
            [media.id], owner_id=owner.person_id, ticket_id=new_id(), step_id=new_id(), purpose="x"
        )

    service.sweep(monday + timedelta(hours=2))

    assert fresh(media).state is MediaState.ATTACHED
    assert are_there(folder, media)
