"""A picture shown again: a row and files of its own, for the product itself only."""

import pytest

from app.kernel.actor import SYSTEM
from app.kernel.errors import Forbidden, NotFound
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.media import queries, rules, service, store
from tests.make import media as make


def test_a_copy_is_an_upload_of_its_own(folder, monday):
    owner, other = make.person(), make.person()
    shown = make.upload(owner, at=monday, folder=folder)
    make.upload(owner, at=monday, folder=folder)

    with unit_of_work():
        made = service.copy(SYSTEM, shown, other.person_id)

    assert (made.owner_id, made.attached_at) == (other.person_id, None)
    assert made.stem != shown.stem
    for variant in rules.VARIANTS[shown.kind]:
        assert store.get(made.stem, variant) == store.get(shown.stem, variant)


def test_a_copy_outlives_what_it_was_made_of(folder, monday):
    owner = make.person()
    shown = make.upload(owner, at=monday, folder=folder)
    with unit_of_work():
        made = service.copy(SYSTEM, shown, owner.person_id)

    with unit_of_work():
        service.delete([shown.id])
    service.sweep(monday, shards=())

    assert queries.live(made.id) is not None
    assert store.get(made.stem, "thumb") == b"bytes"


def test_only_the_product_copies(folder, monday):
    owner = make.person()
    shown = make.upload(owner, at=monday, folder=folder)

    with unit_of_work(), pytest.raises(Forbidden):
        service.copy(owner, shown, owner.person_id)


def test_what_was_taken_away_is_not_shown_again(folder, monday):
    shown = make.upload(make.person(), at=monday, folder=folder)
    with unit_of_work():
        service.delete([shown.id])

    with unit_of_work(), pytest.raises(NotFound):
        service.copy(SYSTEM, shown, new_id())
