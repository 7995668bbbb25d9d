"""Loading the catalogue, retiring a code, and letting places and contracts differ."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, text, update
from sqlalchemy.exc import DBAPIError

from app.catalog import queries, service
from app.catalog.models import CategoryHistory, CategoryOverride
from app.catalog.service import OverrideDraft
from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor, Grant, Permission
from app.kernel.db import db, session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.work import unit_of_work
from tests.make.catalog import loaded_catalogue, shipped_lines, versions_of, with_cells
from tests.make.sla import a_district

pytestmark = pytest.mark.usefixtures("app")


def editor(*, district_id=None):
    permissions = {Permission.CATALOG_EDIT}
    if district_id is None:
        permissions.add(Permission.SYSTEM_ADMIN)
    node = district_id or uuid4()
    grant = Grant("editor", frozenset(permissions), node_id=node, level="district")
    return Actor(person_id=uuid4(), grants=(grant,))


def load(lines, actor=SYSTEM):
    with unit_of_work():
        return service.load(actor, lines)


def differ(actor=SYSTEM, code="WPE-LIGHT", **given):
    given.setdefault("why", "本区实际情况")
    with unit_of_work():
        return service.override(actor, OverrideDraft(code, **given))


def test_the_shipped_catalogue_loads_with_its_provenance(monday):
    loaded_catalogue()

    told = queries.rows()

    assert len(told) == 83
    light = next(row for row in told if row.code == "WPE-LIGHT")
    assert (light.prov_accept, light.prov_respond, light.prov_resolve) == ("P", "P", "A")
    assert "48h" in light.source_note


def test_loading_again_changes_nothing(monday):
    loaded_catalogue()
    before = queries.etag(at=monday)

    report = load(shipped_lines())

    assert (report.added, report.changed, report.unchanged) == ((), (), 83)
    assert versions_of("WPE-LIGHT") == [1]
    assert queries.etag(at=monday) == before


def test_a_changed_line_draws_a_new_version_and_the_old_word_is_kept(monday):
    loaded_catalogue()
    old_tag = queries.etag(at=monday)

    with clock.frozen(monday + timedelta(hours=1)) as later:
        report = load(with_cells("WPE-LIGHT", resolve_by="3d"))

    assert report.changed == ("WPE-LIGHT",)
    assert versions_of("WPE-LIGHT") == [1, 2]
    assert queries.category("WPE-LIGHT", at=monday).resolve_by == "2d"
    assert queries.category("WPE-LIGHT", at=later).resolve_by == "3d"
    assert queries.category("WPE-LIGHT", at=later).policy_version == 2
    assert queries.category("WPE-HEAT", at=later).policy_version == 1
    assert queries.etag(at=later) != old_tag


def test_a_ticket_from_before_the_first_load_still_finds_its_category(monday):
    loaded_catalogue()

    found = queries.category("WPE-LIGHT", at=monday - timedelta(days=400))

    assert found.resolve_by == "2d"


def test_a_moved_line_is_no_new_policy(monday):
    loaded_catalogue()

    report = load(list(reversed(shipped_lines())))

    assert report.changed == ()
    assert versions_of("WPE-LIGHT") == [1]
    assert queries.tree(at=monday)[0].code == "SUG"


def test_one_wrong_line_loads_nothing_and_all_are_named(monday):
    lines = with_cells("WPE-LIGHT", accept_by="soon", urgency="P7")

    with pytest.raises(Invalid) as refused:
        load(lines)

    assert refused.value.code == "bad_catalog"
    assert list(refused.value.errors) == ["15"]
    assert len(refused.value.errors["15"]) == 2
    assert queries.rows() == []


def test_codes_the_file_leaves_out_stay(monday):
    loaded_catalogue()

    report = load(shipped_lines()[:80])

    assert set(report.left_alone) == {"SUG-PRAISE", "SUG-OTHER", "SUG-UNSURE"}
    assert queries.offered("SUG-OTHER", at=monday).code == "SUG-OTHER"


def test_a_retired_code_is_not_offered_but_old_tickets_find_it(monday):
    loaded_catalogue()
    with unit_of_work():
        service.retire(SYSTEM, "SUG-PRAISE")
    later = monday + timedelta(minutes=1)

    assert queries.category("SUG-PRAISE", at=later).retired
    with pytest.raises(Invalid, match="unknown_category"):
        queries.offered("SUG-PRAISE", at=later)
    codes = [c.code for group in queries.tree(at=later) for c in group.categories]
    assert "SUG-PRAISE" not in codes
    assert len(codes) == 82
    assert queries.offered("SUG-PRAISE", at=monday - timedelta(minutes=1))


def test_a_retired_code_is_never_used_again(monday):
    loaded_catalogue()
    with unit_of_work():
        service.retire(SYSTEM, "SUG-PRAISE")

    with pytest.raises(Invalid) as refused:
        load(shipped_lines())

    assert "停用" in str(refused.value.errors)
    with pytest.raises(Conflict), unit_of_work():
        service.retire(SYSTEM, "SUG-PRAISE")


def test_an_unknown_code_is_refused_with_a_stable_code(monday):
    loaded_catalogue()

    with pytest.raises(Invalid) as refused:
        queries.category("NO-SUCH", at=monday)

    assert refused.value.code == "unknown_category"
    with pytest.raises(NotFound), unit_of_work():
        service.retire(SYSTEM, "NO-SUCH")


def test_a_district_and_a_grade_may_differ(monday):
    loaded_catalogue()
    here, elsewhere = a_district("甲区"), a_district("乙区")
    differ(changes={"resolve_by": "3d"}, district_id=here)
    differ(changes={"resolve_by": "30h"}, contract_grade="一级")
    differ(code="WPE-HEAT", changes={"resolve_by": "20h"}, district_id=here)

    def resolve_by(place, grade):
        return queries.category(
            "WPE-LIGHT", district_id=place, contract_grade=grade, at=monday
        ).resolve_by

    assert resolve_by(None, None) == "2d"
    assert resolve_by(elsewhere, None) == "2d"
    assert resolve_by(here, None) == "3d"
    assert resolve_by(here, "二级") == "3d"
    assert resolve_by(elsewhere, "一级") == "30h"


def test_where_overrides_meet_the_result_must_hold_together(monday):
    loaded_catalogue()
    here = a_district("甲区")
    differ(changes={"respond_by": "2d", "resolve_by": "3d"}, district_id=here)

    with pytest.raises(Invalid) as refused:
        differ(changes={"resolve_by": "30h", "respond_by": "40h"}, contract_grade="一级")
    differ(changes={"resolve_by": "3d"}, contract_grade="一级")
    with pytest.raises(Invalid):
        differ(changes={"resolve_by": "1d"}, contract_grade="一级", district_id=here)

    assert "resolve_by" in refused.value.errors
    assert len(queries.overrides_of("WPE-LIGHT")) == 2


def test_a_new_override_ends_the_old_one_and_history_stays(monday):
    loaded_catalogue()
    here = a_district("甲区")
    differ(changes={"resolve_by": "3d"}, district_id=here)
    soon = monday + timedelta(days=2)

    differ(changes={"resolve_by": "4d"}, district_id=here, valid_from=soon)

    told = queries.overrides_of("WPE-LIGHT")
    assert [(o.resolve_by, o.valid_to) for o in told] == [("4d", None), ("3d", soon)]
    before = queries.category("WPE-LIGHT", district_id=here, at=soon - timedelta(seconds=1))
    after = queries.category("WPE-LIGHT", district_id=here, at=soon)
    assert (before.resolve_by, before.policy_version) == ("3d", 2)
    assert (after.resolve_by, after.policy_version) == ("4d", 3)


def test_a_tree_says_another_thing_when_a_planned_override_begins(monday):
    loaded_catalogue()
    here = a_district("甲区")
    soon = monday + timedelta(days=2)
    differ(changes={"resolve_by": "4d"}, district_id=here, valid_from=soon)

    tags = [
        queries.etag(district_id=place, at=at)
        for place in (here, None, uuid4())
        for at in (monday, soon)
    ]

    assert tags[0] != tags[1]
    assert tags[0] == tags[2] == tags[3] == tags[4] == tags[5]


def test_no_two_overrides_of_one_scope_hold_at_once(monday):
    loaded_catalogue()
    here = a_district("甲区")
    differ(changes={"resolve_by": "4d"}, district_id=here, valid_from=monday + timedelta(days=2))

    with pytest.raises(Conflict, match="later_override"):
        differ(changes={"resolve_by": "3d"}, district_id=here)


def test_an_override_can_be_ended(monday):
    loaded_catalogue()
    here = a_district("甲区")
    made = differ(changes={"resolve_by": "3d"}, district_id=here)

    with unit_of_work():
        service.end_override(SYSTEM, made.id, at=monday + timedelta(hours=1))

    later = monday + timedelta(hours=1)
    assert queries.category("WPE-LIGHT", district_id=here, at=later).resolve_by == "2d"
    with pytest.raises(Conflict), unit_of_work():
        service.end_override(SYSTEM, made.id)
    with pytest.raises(NotFound), unit_of_work():
        service.end_override(SYSTEM, uuid4())


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"changes": {"accuses": "none"}, "contract_grade": "一级"}, "accuses"),
        ({"changes": {"resolve_by": "soon"}, "contract_grade": "一级"}, "resolve_by"),
        ({"changes": {"resolve_by": 5}, "contract_grade": "一级"}, "resolve_by"),
        ({"changes": {"start_tier": True}, "contract_grade": "一级"}, "start_tier"),
        ({"changes": {"calendar": "moon"}, "contract_grade": "一级"}, "calendar"),
        ({"changes": {}, "contract_grade": "一级"}, "changes"),
        ({"changes": {"resolve_by": "3d"}}, "district_id"),
        ({"changes": {"resolve_by": "3d"}, "contract_grade": " "}, "contract_grade"),
        ({"changes": {"resolve_by": "3d"}, "contract_grade": "一级", "why": " "}, "why"),
        ({"changes": {"default_party": "property"}, "contract_grade": "一级"}, "default_party"),
        ({"changes": {"urgency": "P0"}, "contract_grade": "一级"}, "calendar"),
    ],
)
def test_a_wrong_override_is_refused(monday, given, field):
    loaded_catalogue()

    with pytest.raises(Invalid) as refused:
        differ(code="SVC-ATTITUDE", **given)

    assert refused.value.code == "bad_override"
    assert field in refused.value.errors
    assert queries.overrides_of("SVC-ATTITUDE") == []


def test_an_override_does_not_reach_into_the_past(monday):
    loaded_catalogue()

    with pytest.raises(Invalid) as refused:
        differ(
            changes={"resolve_by": "3d"},
            contract_grade="一级",
            valid_from=monday - timedelta(seconds=1),
        )

    assert "valid_from" in refused.value.errors


def test_a_refused_override_leaves_no_trace_in_the_cache(monday):
    loaded_catalogue()
    with pytest.raises(Invalid):
        differ(changes={"resolve_by": "1h"}, contract_grade="一级")
    differ(code="WPE-HEAT", changes={"resolve_by": "25h"}, contract_grade="一级")

    found = queries.category("WPE-LIGHT", contract_grade="一级", at=monday)

    assert found.resolve_by == "2d"


def test_a_districts_editor_edits_that_district_only(monday):
    loaded_catalogue()
    here, elsewhere = a_district("甲区"), a_district("乙区")
    of_here = editor(district_id=here)

    differ(of_here, changes={"resolve_by": "3d"}, district_id=here)

    for scope in ({"district_id": elsewhere}, {"contract_grade": "一级"}):
        with pytest.raises(Forbidden):
            differ(of_here, changes={"resolve_by": "3d"}, **scope)
    with pytest.raises(Forbidden):
        load(shipped_lines(), of_here)
    with pytest.raises(Forbidden), unit_of_work():
        service.retire(of_here, "WPE-LIGHT")
    differ(editor(), changes={"resolve_by": "3d"}, district_id=elsewhere)


@pytest.mark.parametrize("model", [CategoryHistory, CategoryOverride])
def test_history_cannot_be_rewritten(monday, model):
    loaded_catalogue()
    differ(changes={"resolve_by": "3d"}, contract_grade="一级")

    with pytest.raises(DBAPIError, match="append-only"), unit_of_work():
        session.execute(update(model).values(why="别的理由"))


def test_the_end_of_an_override_is_written_once(monday):
    loaded_catalogue()
    made = differ(changes={"resolve_by": "3d"}, contract_grade="一级")
    with unit_of_work():
        service.end_override(SYSTEM, made.id)

    with pytest.raises(DBAPIError, match="append-only"), unit_of_work():
        session.execute(text("UPDATE category_override SET valid_to = NULL"))


def test_a_lookup_costs_no_statement_once_the_catalogue_is_known(monday):
    loaded_catalogue()
    queries.category("WPE-LIGHT", at=monday)
    statements = []

    def note(*given):
        statements.append(given[2])

    event.listen(db.engine, "before_cursor_execute", note)
    for _ in range(50):
        queries.category("WPE-LIGHT", district_id=uuid4(), contract_grade="一级", at=monday)
        queries.tree(at=monday)
    event.remove(db.engine, "before_cursor_execute", note)

    assert statements == []


def test_an_override_needs_a_district_that_is_there(monday):
    loaded_catalogue()

    with pytest.raises(NotFound):
        differ(changes={"resolve_by": "3d"}, district_id=uuid4())
