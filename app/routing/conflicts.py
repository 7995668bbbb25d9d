"""What is wrong with a list of rules: reported in words, never switched off: pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.catalog.rules import ACCUSED_PARTY, URGENT, CategoryView
from app.routing.matching import WEEK, Mode, Rule, Target
from app.routing.parties import Org


class Flaw(StrEnum):
    """What may be wrong with a rule."""

    CONTRADICTS = "contradicts"
    REPEATS = "repeats"
    NEVER_REACHED = "never_reached"
    ENDED_ORGANISATION = "ended_organisation"
    ENDED_FIRM = "ended_firm"
    ACCUSED_BY_CATEGORY = "accused_by_category"
    UNKNOWN_CATEGORY = "unknown_category"
    UNKNOWN_PLACE = "unknown_place"
    MODE_OVERRIDDEN = "mode_overridden"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with ``rule_id``, because of ``because_of`` if another rule."""

    flaw: Flaw
    rule_id: UUID
    words: str
    because_of: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the rules point at, as of ``at``.

    ``within`` maps a node to itself and everything above it; a node that is gone
    is missing. ``find`` names a standing organisation or None.
    """

    at: datetime
    categories: Mapping[str, CategoryView]
    within: Mapping[UUID, frozenset[UUID]]
    find: Callable[[UUID], Org | None]


def conflicts(rules: Sequence[Rule], world: World) -> list[Finding]:
    """Find what contradicts, repeats, can never be reached or points nowhere."""
    found: list[Finding] = []
    alive = [rule for rule in rules if rule.valid_to is None or rule.valid_to > world.at]
    for rule in rules:
        if rule not in alive:
            words = f"规则“{rule.name}”已到期，不再起作用。"
            found.append(Finding(Flaw.EXPIRED, rule.id, words))
    for index, rule in enumerate(alive):
        found += _alone(rule, world)
        if shadow := _shadowed(rule, alive[:index], world):
            found.append(shadow)
    return found


def _shadowed(rule: Rule, earlier: Sequence[Rule], world: World) -> Finding | None:
    """Name the first earlier rule that takes everything this one would get."""
    for other in earlier:
        if _always_without_target(other, world) or not covers(other, rule, world):
            continue
        if not covers(rule, other, world):
            words = (
                f"规则“{rule.name}”通常轮不到：排在前面的“{other.name}”已包括它的全部情形。"
                "请调整顺序或停用其一。"
            )
            return Finding(Flaw.NEVER_REACHED, rule.id, words, other.id)
        if (other.target, other.organisation_id, other.mode, other.assignee_id, other.cap) == (
            rule.target,
            rule.organisation_id,
            rule.mode,
            rule.assignee_id,
            rule.cap,
        ):
            words = f"规则“{rule.name}”与前面的“{other.name}”完全相同，可以停用一条。"
            return Finding(Flaw.REPEATS, rule.id, words, other.id)
        words = (
            f"规则“{rule.name}”与前面的“{other.name}”条件相同、去向或方式不同，"
            f"实际按“{other.name}”执行。请保留一条。"
        )
        return Finding(Flaw.CONTRADICTS, rule.id, words, other.id)
    return None


def _alone(rule: Rule, world: World) -> Iterator[Finding]:
    """Find what is wrong with a rule whatever stands before it."""
    if rule.organisation_id and world.find(rule.organisation_id) is None:
        words = f"规则“{rule.name}”指定的单位已停用，现在不起作用。"
        yield Finding(Flaw.ENDED_ORGANISATION, rule.id, words)
    if rule.serving_id and world.find(rule.serving_id) is None:
        words = f"规则“{rule.name}”限定的服务企业已停用，现在不起作用。"
        yield Finding(Flaw.ENDED_FIRM, rule.id, words)
    if rule.node_id and rule.node_id not in world.within:
        words = f"规则“{rule.name}”限定的地点或网格已停用，现在不起作用。"
        yield Finding(Flaw.UNKNOWN_PLACE, rule.id, words)
    views = categories_of(rule, world.categories)
    if not views:
        words = f"规则“{rule.name}”的事项条件没有对应的类别，现在不起作用。"
        yield Finding(Flaw.UNKNOWN_CATEGORY, rule.id, words)
        return
    accusing = [view for view in views if points_at_accused(rule, view, world.find)]
    chosen = rule.category_code or rule.group_code or rule.kind
    if accusing and chosen:  # a rule for everything is not aimed at the complaints among it
        named = "、".join(view.name for view in accusing[:3])
        more = "等" if len(accusing) > 3 else ""
        words = f"规则“{rule.name}”把“{named}”{more}派给被反映的一方，这部分不会采用。"
        yield Finding(Flaw.ACCUSED_BY_CATEGORY, rule.id, words)
    urgent = {rule.urgency} if rule.urgency else {view.urgency.value for view in views}
    if rule.mode is not Mode.AUTO and urgent <= URGENT:
        words = f"规则“{rule.name}”只涉及特急、紧急事项，总是自动派单，所设方式不起作用。"
        yield Finding(Flaw.MODE_OVERRIDDEN, rule.id, words)


def _always_without_target(rule: Rule, world: World) -> bool:
    """Tell whether the rule can never be carried out, so that it shadows nobody."""
    if rule.organisation_id:
        return world.find(rule.organisation_id) is None
    views = categories_of(rule, world.categories)
    return all(points_at_accused(rule, view, world.find) for view in views)


def points_at_accused(rule: Rule, view: CategoryView, find: Callable[[UUID], Org | None]) -> bool:
    """Tell whether the rule's target is of the party that ``view`` complains of."""
    accused = ACCUSED_PARTY.get(view.accuses)
    if accused is None:
        return False
    if rule.target is not Target.ORGANISATION:
        return rule.target.value == accused.value
    named = find(rule.organisation_id) if rule.organisation_id else None
    kind = "property_firm" if accused.value == "property" else accused.value
    return named is not None and named.kind == kind


def categories_of(rule: Rule, categories: Mapping[str, CategoryView]) -> list[CategoryView]:
    """List the categories a rule may hold for; staff may raise a case's urgency."""
    return [
        view
        for view in categories.values()
        if rule.category_code in (None, view.code)
        and rule.group_code in (None, view.group_code)
        and rule.kind in (None, view.kind)
    ]


def covers(wide: Rule, narrow: Rule, world: World) -> bool:
    """Tell whether every case of ``narrow`` is one of ``wide``, as long as both stand."""
    return (
        wide.facility_kind in (None, narrow.facility_kind)
        and wide.serving_id in (None, narrow.serving_id)
        and _covers_category(wide, narrow, world.categories)
        and _covers_place(wide, narrow, world.within)
        and _covers_week(wide, narrow)
        and _covers_time(wide, narrow, world.at)
    )


def _covers_category(wide: Rule, narrow: Rule, known: Mapping[str, CategoryView]) -> bool:
    if wide.urgency not in (None, narrow.urgency):
        return False
    inside = categories_of(narrow, known)
    reached = {view.code for view in categories_of(wide, known)}
    return bool(inside) and all(view.code in reached for view in inside)


def _covers_place(wide: Rule, narrow: Rule, within: Mapping[UUID, frozenset[UUID]]) -> bool:
    if wide.node_id is None or wide.node_id == narrow.node_id:
        return True
    return narrow.node_id is not None and wide.node_id in within.get(narrow.node_id, ())


def _covers_week(wide: Rule, narrow: Rule) -> bool:
    if not wide.spans:
        return True
    return all(
        any(begin <= first and last <= stop for begin, stop in wide.spans)
        for first, last in narrow.spans or ((0, WEEK),)
    )


def _covers_time(wide: Rule, narrow: Rule, at: datetime) -> bool:
    begins = max(narrow.valid_from or at, at)
    if wide.valid_from is not None and wide.valid_from > begins:
        return False
    return wide.valid_to is None or (
        narrow.valid_to is not None and narrow.valid_to <= wide.valid_to
    )
