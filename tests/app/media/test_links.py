"""Signed links: one variant, one viewer, ten minutes, closed at once by taking away."""

import pytest
import time_machine

from app.kernel import crypto
from app.kernel.errors import NotFound, Unavailable
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.media import rules, service
from tests.make import media as make

NOON = "2026-11-16T04:00:00Z"


@pytest.fixture
def photo(folder):
    return service.receive(make.person(), make.jpeg())


@pytest.fixture
def voice(folder):
    return service.receive(make.person(), make.voice())


def test_a_link_opens_the_variant_it_names(photo, voice):
    viewer = new_id()

    large = service.open_link(service.link(photo, "large", viewer))
    thumb = service.open_link(service.link(photo, "thumb", viewer), viewer)
    sound = service.open_link(service.link(voice, "voice", viewer))

    assert large.content_type == thumb.content_type == "image/jpeg"
    assert large.data.startswith(b"\xff\xd8\xff")
    assert len(thumb.data) < len(large.data)
    assert sound.content_type == "audio/mpeg"
    assert len(large.data) + len(thumb.data) == photo.size


def test_a_link_lives_ten_minutes_and_no_longer(photo):
    with time_machine.travel(NOON, tick=False) as clock:
        token = service.link(photo, "large", new_id())
        clock.shift(600)
        assert service.open_link(token)

        clock.shift(2)
        with pytest.raises(NotFound) as refusal:
            service.open_link(token)

    assert refusal.value.code == "link_expired"


def test_a_link_is_for_its_viewer(photo):
    viewer, other = new_id(), new_id()
    token = service.link(photo, "large", viewer)

    assert service.open_link(token, viewer)
    with pytest.raises(NotFound):
        service.open_link(token, other)


def test_a_changed_or_foreign_token_opens_nothing(photo):
    viewer = new_id()
    token, other = service.link(photo, "thumb", viewer), service.link(photo, "large", viewer)
    crossed = other.rsplit(".", 2)[0] + "." + ".".join(token.rsplit(".", 2)[1:])
    turned = token[:9] + ("A" if token[9] != "A" else "B") + token[10:]
    foreign = crypto.sign_token("something-else", rules.link_payload(photo.id, "large", viewer))

    for wrong in (crossed, turned, token[:-1], foreign, "", "x" * 5000, "名"):
        with pytest.raises(NotFound):
            service.open_link(wrong)


def test_a_kind_has_its_own_variants_only(photo, voice):
    for media, variant in ((photo, "voice"), (voice, "large"), (photo, "original")):
        with pytest.raises(ValueError, match="no variant"):
            service.link(media, variant, new_id())
    crossed = crypto.sign_token(
        service.LINK_PURPOSE, rules.link_payload(photo.id, "voice", new_id())
    )
    with pytest.raises(NotFound):
        service.open_link(crossed)


def test_taking_away_closes_links_that_are_still_fresh(photo, voice):
    token, other = service.link(photo, "large", new_id()), service.link(voice, "voice", new_id())

    with unit_of_work():
        service.delete([photo.id])

    with pytest.raises(NotFound):
        service.open_link(token)
    assert service.open_link(other)


def test_a_store_that_is_away_is_not_called_an_expired_link(photo, folder):
    token = service.link(photo, "large", new_id())
    path = folder / rules.key(photo.stem, "large")
    path.unlink()
    path.symlink_to(path)

    with pytest.raises(Unavailable):
        service.open_link(token)


def test_a_file_that_was_lost_is_not_found(photo, folder):
    token = service.link(photo, "large", new_id())
    (folder / rules.key(photo.stem, "large")).unlink()

    with pytest.raises(NotFound):
        service.open_link(token)
