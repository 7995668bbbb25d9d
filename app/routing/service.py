"""Resolve who gets a case, and change the rules that say so."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import case as either
from sqlalchemy import or_, update

from app.catalog import queries as catalog
from app.identity import queries as identity
from app.kernel import audit, clock, stamps
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, RuleBroken
from app.kernel.ids import new_id
from app.routing import access, queries, rules
from app.routing.conflicts import categories_of, points_at_accused
from app.routing.drafts import faults
from app.routing.models import RoutingRule
from app.routing.rules import Case, Decision, Difference, Rule, RuleDraft
from app.territory import queries as territory
from app.territory.rules import Level


def resolve(case: Case) -> Decision:
    """Find who gets a case, how, and why; writes nothing and never refuses.

    With warm caches it takes no statement, or one where it matters who is there.
    """
    choice = rules.choose(case, queries.rules_of(case.spot.district_id), queries.candidates(case))
    return rules.settle(choice, case, queries.people(choice, case))


def explain(case: Case) -> Decision:
    """Say what :func:`resolve` would answer for a case that nobody has filed."""
    return resolve(case)


def barred(case: Case) -> frozenset[UUID]:
    """Name the organisations that may never hold a case, by transfer or override either."""
    found = rules.respondents(case, queries.candidates(case))
    return frozenset(one.id for one in found)


def compare(
    cases: Iterable[Case], old_rules: Sequence[Rule], new_rules: Sequence[Rule]
) -> list[Difference]:
    """List the cases that two rule sets would answer differently; changes nothing.

    Organisations are taken as they stood at each case's time.
    """
    return rules.compare(((one, queries.candidates(one)) for one in cases), old_rules, new_rules)


def add_rule(actor: Actor, district_id: UUID, draft: RuleDraft) -> RoutingRule:
    """Add a rule behind the others of its district.

    Raises:
        Invalid: something in the draft is wrong or unknown; ``errors`` says what.
        Forbidden: the actor holds no right where the rule reaches.
        RuleBroken: it would only give complaints to the accused (``accused_would_lead``).

    """
    now = clock.now()
    nodes = _checked(district_id, draft, now)
    access.require_edit(actor, nodes)
    position = queries.last_position(district_id) + 1
    added = _open(actor, district_id, draft, position=position, now=now)
    audit.record(actor, "routing.added", "routing_rule", added.id)
    _tell()
    return added


def change_rule(actor: Actor, rule_id: UUID, draft: RuleDraft) -> RoutingRule:
    """Close a version and open the next in its position.

    Raises:
        NotFound: no such rule.
        Conflict: that version was changed or retired meanwhile (``rule_changed``).
        Invalid, Forbidden, RuleBroken: as :func:`add_rule`.

    """
    now = clock.now()
    old = queries.rule(rule_id)
    nodes = _checked(old.district_id, draft, now)
    access.require_edit(actor, _nodes_of(old))
    access.require_edit(actor, nodes)
    _close(actor, [rule_id], now, draft.why)
    opened = _open(
        actor, old.district_id, draft, position=old.position, now=now, line_id=old.line_id
    )
    audit.record(actor, "routing.changed", "routing_rule", opened.id, old=str(rule_id))
    _tell()
    return opened


def retire_rule(actor: Actor, rule_id: UUID, *, why: str) -> None:
    """End a rule; its versions stay.

    Raises:
        NotFound: no such rule.
        Forbidden: the actor holds no right where the rule reaches.
        Invalid: no reason given.
        Conflict: changed or retired meanwhile (``rule_changed``).

    """
    old = queries.rule(rule_id)
    access.require_edit(actor, _nodes_of(old))
    if not why.strip():
        raise Invalid("请写明停用原因。", code="why_needed", errors={"why": "请写明停用原因"})
    _close(actor, [rule_id], clock.now(), why.strip())
    audit.record(actor, "routing.retired", "routing_rule", rule_id)
    _tell()


def reorder(
    actor: Actor, district_id: UUID, rule_ids: Sequence[UUID], *, why: str
) -> Sequence[RoutingRule]:
    """Bring the open rules of a district into this order; moved ones get a new version.

    Raises:
        Forbidden: the actor holds no right over the district.
        Conflict: these are not exactly the open rules (``rules_changed``).

    """
    access.require_edit(actor, {district_id})
    present = {row.id: row for row in queries.rows(district_id)}
    if len(rule_ids) != len(present) or set(rule_ids) != set(present):
        raise Conflict("规则已有变化，请刷新后再调整顺序。", code="rules_changed")
    now = clock.now()
    moved = {
        rule_id: position
        for position, rule_id in enumerate(rule_ids, start=1)
        if present[rule_id].position != position
    }
    if moved:
        fresh = [_copied(actor, present[one], place, now, why) for one, place in moved.items()]
        _close(actor, list(moved), now, why)
        session.add_all(fresh)
        session.flush()
        audit.record(actor, "routing.reordered", "place", district_id, moved=len(moved))
        _tell()
    return queries.rows(district_id)


def _tell() -> None:
    session.flush()
    stamps.bump(queries.STAMP)


# What a draft may say


def _checked(district_id: UUID, draft: RuleDraft, now: datetime) -> frozenset[UUID]:
    """Check a draft against the world; name its node and everything above."""
    wrong = faults(draft, now)
    if wrong:
        raise Invalid("规则填写有误，请检查后再保存。", code="bad_rule", errors=wrong)
    district = territory.place(district_id)
    if district.level is not Level.DISTRICT:
        raise Invalid("规则要设在区里。", code="bad_rule", errors={"district_id": "不是区"})
    nodes = frozenset({district_id})
    if draft.node_id is not None:
        node = queries.live_nodes([draft.node_id]).get(draft.node_id)
        if node is None or district_id not in node.within:
            raise Invalid("没有这个地点或网格。", code="unknown_place")
        nodes = node.within
    _check_category(district_id, draft, now)
    for organisation_id in filter(None, (draft.organisation_id, draft.serving_id)):
        if queries.organisation(organisation_id, now) is None:
            raise Invalid("没有这个单位，或者它已停用。", code="unknown_organisation")
    if draft.assignee_id and draft.organisation_id:
        known = identity.people_of(draft.organisation_id, now)
        if draft.assignee_id not in known:
            raise Invalid("办理人不在这个单位。", code="unknown_person")
    return nodes


def _check_category(district_id: UUID, draft: RuleDraft, now: datetime) -> None:
    if draft.category_code is not None:
        catalog.offered(draft.category_code, district_id=district_id, at=now)
    tree = catalog.tree(district_id=district_id, at=now)
    views = {view.code: view for group in tree for view in group.categories}
    rule = _plain_draft(draft, district_id)
    holds_for = categories_of(rule, views)
    if not holds_for:
        raise Invalid("这样的条件没有对应的类别。", code="unknown_category")

    def find(organisation_id: UUID) -> rules.Org | None:
        return queries.organisation(organisation_id, now)

    if all(points_at_accused(rule, view, find) for view in holds_for):
        raise RuleBroken("被反映的一方不能承办对它的投诉。", code="accused_would_lead")


def _plain_draft(draft: RuleDraft, district_id: UUID) -> Rule:
    return Rule(
        id=district_id,
        district_id=district_id,
        position=0,
        name=draft.name,
        target=draft.target,
        mode=draft.mode,
        organisation_id=draft.organisation_id,
        category_code=draft.category_code,
        group_code=draft.group_code,
        kind=draft.kind,
        urgency=draft.urgency,
    )


# Versions


def _open(
    actor: Actor,
    district_id: UUID,
    draft: RuleDraft,
    *,
    position: int,
    now: datetime,
    line_id: UUID | None = None,
) -> RoutingRule:
    row_id = new_id()
    node = queries.live_nodes([draft.node_id]).get(draft.node_id) if draft.node_id else None
    row = RoutingRule(
        id=row_id,
        line_id=line_id or row_id,
        district_id=district_id,
        position=position,
        name=draft.name.strip(),
        node_id=draft.node_id,
        node_level=node.level if node else None,
        facility_kind=draft.facility_kind,
        category_code=draft.category_code,
        group_code=draft.group_code,
        kind=draft.kind,
        urgency=draft.urgency,
        weekdays=sorted(draft.weekdays),
        from_time=draft.from_time,
        to_time=draft.to_time,
        serving_id=draft.serving_id,
        target=draft.target,
        organisation_id=draft.organisation_id,
        mode=draft.mode,
        assignee_id=draft.assignee_id,
        cap=draft.cap,
        valid_from=max(draft.valid_from or now, now),
        valid_to=draft.valid_to,
        by_id=actor.person_id,
        why=draft.why.strip(),
    )
    session.add(row)
    session.flush()
    return row


def _copied(actor: Actor, old: RoutingRule, position: int, now: datetime, why: str) -> RoutingRule:
    """Make the next version of a rule that only moves."""
    changed = {
        "id": new_id(),
        "position": position,
        "valid_from": max(old.valid_from, now),
        "by_id": actor.person_id,
        "why": why,
        "retired_at": None,
        "retired_by_id": None,
        "retired_why": None,
    }
    columns = [column.key for column in RoutingRule.__mapper__.column_attrs]
    return RoutingRule(**{name: getattr(old, name) for name in columns} | changed)


def _close(actor: Actor, rule_ids: Collection[UUID], now: datetime, why: str) -> None:
    """End versions now; the condition in the statement makes one winner."""
    lasting = or_(RoutingRule.valid_to.is_(None), RoutingRule.valid_to > now)
    closed = session.scalars(
        update(RoutingRule)
        .where(RoutingRule.id.in_(rule_ids), RoutingRule.retired_at.is_(None))
        .values(
            retired_at=now,
            retired_by_id=actor.person_id,
            retired_why=why,
            valid_to=either((lasting, now), else_=RoutingRule.valid_to),
        )
        .returning(RoutingRule.id),
        execution_options={"synchronize_session": False},
    ).all()
    if len(closed) != len(rule_ids):
        raise Conflict("这条规则已有变化，请刷新后再看。", code="rule_changed")


def _nodes_of(row: RoutingRule) -> frozenset[UUID]:
    """Name where a rule reaches; of a node that is gone only the district is left."""
    node = queries.live_nodes([row.node_id]).get(row.node_id) if row.node_id else None
    return node.within if node else frozenset({row.district_id})
