"""What somebody wants a rule to say, and what is wrong with it before anything is looked up.

Apart from ``rules`` because it judges what people type, not cases.
"""

from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from app.catalog.rules import Kind, Urgency
from app.routing.matching import Mode, Target
from app.territory.rules import FacilityKind

LONGEST_NAME = 60
LONGEST_WHY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDraft:
    """A rule as it is handed in; ``why`` says what it is for.

    ``node_id`` is a place or a grid of the district. ``weekdays`` are ISO
    numbers, times local and both or none; a window may pass midnight.
    ``cap`` (open tickets per person) goes with ``rotate``, ``assignee_id`` with
    ``auto`` and an organisation. ``valid_from`` defaults to now.
    """

    name: str
    target: Target
    mode: Mode
    why: str
    organisation_id: UUID | None = None
    assignee_id: UUID | None = None
    cap: int | None = None
    node_id: UUID | None = None
    facility_kind: str | None = None
    category_code: str | None = None
    group_code: str | None = None
    kind: Kind | None = None
    urgency: Urgency | None = None
    weekdays: frozenset[int] = frozenset()
    from_time: time | None = None
    to_time: time | None = None
    serving_id: UUID | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


def faults(draft: RuleDraft, now: datetime) -> dict[str, str]:
    """Map each field that is wrong to a Chinese sentence."""
    found = {
        "name": not 0 < len(draft.name.strip()) <= LONGEST_NAME
        and f"请填写规则名称，最多{LONGEST_NAME}个字",
        "why": not 0 < len(draft.why.strip()) <= LONGEST_WHY
        and f"请写明设立原因，最多{LONGEST_WHY}个字",
        "organisation_id": (draft.target is Target.ORGANISATION) != bool(draft.organisation_id)
        and "派给指定单位时要选单位，其他情况不选",
        "assignee_id": bool(draft.assignee_id)
        and (draft.mode is not Mode.AUTO or draft.target is not Target.ORGANISATION)
        and "只有自动派给指定单位时才能指定办理人",
        "cap": draft.cap is not None
        and (draft.mode is not Mode.ROTATE or not 1 <= draft.cap <= 999)
        and "每人上限只用于轮流派单，从1到999",
        "facility_kind": draft.facility_kind is not None
        and draft.facility_kind not in set(FacilityKind)
        and "没有这种设施",
        "weekdays": not draft.weekdays <= frozenset(range(1, 8)) and "星期用1到7表示",
        "from_time": _window_is_bad(draft) and "起止时间要同时填写，且不能相同，精确到分钟",
        "valid_to": _period_is_bad(draft, now) and "结束时间要晚于开始时间和现在",
    }
    return {field: words for field, words in found.items() if isinstance(words, str)}


def _window_is_bad(draft: RuleDraft) -> bool:
    begin, end = draft.from_time, draft.to_time
    if begin is None or end is None:
        return begin is not end
    return begin == end or any(one.second or one.microsecond or one.tzinfo for one in (begin, end))


def _period_is_bad(draft: RuleDraft, now: datetime) -> bool:
    return draft.valid_to is not None and draft.valid_to <= max(draft.valid_from or now, now)
