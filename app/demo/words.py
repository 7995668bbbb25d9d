"""What the demo says through the fake WeChat: a row for each kind of news it pushes."""

from collections.abc import Mapping

from app.kernel.actor import SYSTEM
from app.notifications import service
from app.notifications.rules.telling import OF_STAFF, Audience
from app.notifications.rules.ways import Way
from app.notifications.rules.wording import KINDS

ACCEPTED, PROGRESS, FINISHED, WORK = (
    "fake-accepted",
    "fake-progress",
    "fake-finished",
    "fake-work",
)
"""The templates that the fake WeChat begins with; all have the same five fields."""

FIELDS: Mapping[str, str] = {
    "thing1": "{category}",
    "character_string2": "{number}",
    "phrase3": "{state}",
    "time4": "{time}",
}
LAST = "thing5"
_RESIDENTS: Mapping[str, str] = {
    "accepted": ACCEPTED,
    "please_confirm": FINISHED,
    "closed": FINISHED,
    "declined": FINISHED,
}
_WITHOUT_TICKET = frozenset({Audience.SELF, Audience.ACCUSED, Audience.STAFF})


def tell() -> int:
    """Give the demo's news their WeChat templates, in the caller's unit; count the new ones.

    Done again it changes nothing.
    """
    lines = [
        {
            "kind": kind,
            "audience": str(audience),
            "channel": Way.WECHAT.value,
            "title": title,
            "template_id": _template_of(kind, Audience(audience)),
            "fields": {**FIELDS, LAST: title},
        }
        for (kind, audience), title in KINDS.items()
        if audience not in _WITHOUT_TICKET
    ]
    return len(service.import_templates(SYSTEM, list(enumerate(lines, 1)), None).changed)


def _template_of(kind: str, audience: Audience) -> str:
    return WORK if audience in OF_STAFF else _RESIDENTS.get(kind, PROGRESS)
