"""Events on their way into JSON and back."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kernel.outbox import Event, topics
from app.kernel.outbox.events import decode, encode


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Everything(Event):
    topic: ClassVar[str] = "test.everything"

    who: UUID
    when: datetime
    word: str
    count: int
    yes: bool
    colour: Colour
    perhaps: UUID | None
    many: list[UUID]
    several: tuple[datetime, ...]
    late: str = "nothing"


moments = st.datetimes(timezones=st.just(UTC))
everything = st.builds(
    Everything,
    who=st.uuids(),
    when=moments,
    word=st.text(),
    count=st.integers(),
    yes=st.booleans(),
    colour=st.sampled_from(Colour),
    perhaps=st.none() | st.uuids(),
    many=st.lists(st.uuids(), max_size=3),
    several=st.lists(moments, max_size=3).map(tuple),
)


def there_and_back(event: Event) -> Event:
    payload = json.loads(json.dumps(encode(event)))
    return decode(event.topic, payload, event_id=event.event_id, occurred_at=event.occurred_at)


@given(everything)
@settings(max_examples=60, deadline=None)
def test_an_event_comes_back_as_it_went(event):
    back = there_and_back(event)

    assert back == event
    assert back.event_id == event.event_id
    assert back.occurred_at == event.occurred_at


def an_event(**changes) -> Everything:
    at = datetime(2026, 11, 16, tzinfo=UTC)
    facts = {
        "who": UUID(int=1),
        "when": at,
        "word": "灯",
        "count": 3,
        "yes": True,
        "colour": Colour.RED,
        "perhaps": None,
        "many": [],
        "several": (),
    }
    return Everything(**(facts | changes))


def test_a_time_of_another_zone_is_the_same_moment():
    shanghai = datetime(2026, 11, 16, 8, tzinfo=timezone(timedelta(hours=8)))

    back = there_and_back(an_event(when=shanghai))

    assert back.when == datetime(2026, 11, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize("value", [1.5, b"bytes", {"a": 1}, object()])
def test_what_is_no_fact_is_refused(value):
    with pytest.raises(TypeError, match="carries no"):
        encode(an_event(word=value))


def test_a_naive_time_is_refused():
    with pytest.raises(ValueError, match="naive"):
        encode(an_event(when=datetime(2026, 11, 16)))  # noqa: DTZ001


def test_an_older_payload_takes_the_default_and_a_newer_one_loses_its_surplus():
    payload = encode(an_event())
    del payload["late"]
    payload["surplus"] = 1

    back = decode("test.everything", payload, event_id=UUID(int=7), occurred_at=datetime.now(UTC))

    assert back.late == "nothing"


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("count", "3", TypeError),
        ("count", True, TypeError),
        ("who", 3, TypeError),
        ("who", "no id", ValueError),
        ("many", "abc", TypeError),
        ("colour", "green", ValueError),
    ],
)
def test_a_payload_of_other_types_is_refused(field, value, error):
    payload = encode(an_event()) | {field: value}

    with pytest.raises(error):
        decode("test.everything", payload, event_id=UUID(int=7), occurred_at=datetime.now(UTC))


def test_a_missing_field_and_an_unknown_topic_are_refused():
    payload = encode(an_event())
    del payload["who"]
    facts = {"event_id": UUID(int=7), "occurred_at": datetime.now(UTC)}

    with pytest.raises(TypeError):
        decode("test.everything", payload, **facts)
    with pytest.raises(LookupError):
        decode("test.nobody", {}, **facts)


def test_a_topic_belongs_to_one_class():
    with pytest.raises(TypeError, match="taken"):

        @dataclass(frozen=True)
        class Another(Event):
            topic: ClassVar[str] = "test.everything"

    assert topics()["test.everything"] is Everything
