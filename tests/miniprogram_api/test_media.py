"""Photos and voice over HTTP: in as a form, out by links of ten minutes."""

from datetime import timedelta
from io import BytesIO

import pytest
import time_machine

from app.media import queries
from tests.make import media
from tests.make import tickets as make
from tests.make.answers import refused, taken
from tests.make.phone import PREFIX


@pytest.fixture
def phone(client_for):
    return client_for("resident")


def shown(phone, ticket_id):
    """What the first step of a ticket carries, as its reporter sees it."""
    return taken(phone.get(f"/tickets/{ticket_id}"))["timeline"][0]["media"]


@pytest.fixture
def report(world, phone):
    """A report with a photo and a voice note."""
    ids = [taken(phone.upload(data), 201)["id"] for data in (media.jpeg(), media.voice())]
    body = {
        "category": "WPE-LIGHT",
        "place": {"scene": world.scenes["building"]},
        "media": ids,
    }
    return taken(phone.post("/tickets", body), 201)["id"]


@pytest.mark.parametrize("kind", list(media.PHOTOS))
def test_a_photo_is_taken_whatever_its_name_says(phone, kind):
    body = taken(phone.upload(media.PHOTOS[kind](), "../../etc/passwd.exe"), 201)

    assert (body["kind"], body["width"], body["height"]) == ("photo", 400, 300)
    assert body["seconds"] is None


def test_a_voice_note_is_taken(phone):
    body = taken(phone.upload(media.voice("mp3", 2.0), "a.mp3"), 201)

    assert body["kind"] == "voice"
    assert body["seconds"] == pytest.approx(2.0, abs=0.2)


def test_the_same_key_gives_the_same_id_and_no_second_file(phone, world):
    data = media.jpeg()
    headers = {"Authorization": f"Bearer {phone.token}", "Idempotency-Key": "one-form"}
    first, second = (
        phone.client.post(
            PREFIX + "/media", data={"file": (BytesIO(data), "a.jpg")}, headers=headers
        )
        for _ in range(2)
    )

    assert second.get_json() == {"id": first.get_json()["id"]}
    assert second.headers["Idempotency-Replayed"] == "true"


def test_links_show_a_repainted_picture_without_its_past(phone, report):
    photo, voice = shown(phone, report)

    large = phone.client.get(photo["url"])
    small = phone.client.get(photo["thumbnail"])
    sound = phone.client.get(voice["url"])

    assert [one.content_type for one in (large, small, sound)] == [
        "image/jpeg",
        "image/jpeg",
        "audio/mpeg",
    ]
    assert media.CANARY.encode() not in large.data + small.data + sound.data
    assert voice["thumbnail"] is None
    assert large.headers["X-Content-Type-Options"] == "nosniff"
    assert large.headers["Cache-Control"] == "private, max-age=600"


def test_a_link_is_good_for_ten_minutes(phone, report):
    with time_machine.travel("2026-11-16T02:00:00Z", tick=False) as traveller:
        url = shown(phone, report)[0]["url"]
        traveller.shift(timedelta(minutes=10))
        inside = phone.client.get(url)
        traveller.shift(timedelta(seconds=1))
        after = phone.client.get(url)

    assert inside.status_code == 200
    refused(after, 404, "link_expired")


def test_a_link_does_not_open_for_another_who_is_logged_in(phone, client_for, report):
    url = shown(phone, report)[0]["url"].removeprefix(PREFIX)

    assert phone.get(url).status_code == 200
    refused(client_for("neighbour").get(url), 404, "link_expired")


@pytest.mark.parametrize("token", ["x", "a.b.c", "%00", "W10.aaaa.bbbb"])
def test_a_forged_link_opens_nothing(phone, token):
    refused(phone.client.get(f"{PREFIX}/media/{token}"), 404)


def test_a_changed_link_opens_nothing(phone, report):
    url = shown(phone, report)[0]["url"]

    refused(phone.client.get(url[:-2] + ("AA" if url[-2:] != "AA" else "BB")), 404, "link_expired")


def test_uploads_belong_to_who_sent_them(world, phone, client_for):
    theirs = taken(client_for("neighbour").upload(media.jpeg()), 201)["id"]
    body = {
        "category": "WPE-LIGHT",
        "place": {"scene": world.scenes["building"]},
        "media": [theirs],
    }

    foreign = refused(phone.post("/tickets", body), 422, "bad_media")
    missing = refused(
        phone.post("/tickets", {**body, "media": [str(world.people["resident"])]}), 422
    )

    assert {**foreign, "request_id": ""} == {**missing, "request_id": ""}


def test_an_upload_is_used_once(world, phone, report):
    used = shown(phone, report)[0]["id"]

    refused(
        phone.post(f"/tickets/{report}/supplement", {"text": "再看", "media": [used]}),
        422,
        "bad_media",
    )


def test_ten_photos_are_one_too_many(world, phone):
    ids = [str(make.photo(world, "resident")) for _ in range(10)]
    ticket_id = make.submitted(world)

    refused(phone.post(f"/tickets/{ticket_id}/supplement", {"media": ids}), 422, "too_many_photos")
    assert taken(phone.post(f"/tickets/{ticket_id}/supplement", {"media": ids[:9]}))
    assert len(queries.of_ticket(ticket_id)) == 9


def test_nobody_uploads(bare_app, world):
    answer = bare_app.test_client().post(
        PREFIX + "/media", data={"file": (BytesIO(media.jpeg()), "a.jpg")}
    )

    refused(answer, 401, "unauthenticated")
