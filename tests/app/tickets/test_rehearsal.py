"""Trying rules on the past, and the page made from the table."""

from datetime import timedelta
from pathlib import Path

from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.work import unit_of_work
from app.routing import queries as routing_queries
from app.routing import service as routing
from app.routing.drafts import RuleDraft
from app.routing.rules import Mode, Target
from app.tickets import page, queries
from app.tickets import service as tickets
from tests.make import tickets as make

DRAFT = RuleDraft(
    name="楼道灯先由社区看",
    target=Target.COMMUNITY,
    mode=Mode.MANUAL,
    why="试一个月",
    category_code=make.LIGHT,
)


def test_a_change_is_tried_on_past_tickets_and_leaves_no_trace(world):
    light = make.submitted(world)
    make.submitted(world, "BLD-DOOR")
    district = world.places["district"]

    with make.after(days=3), unit_of_work():
        report = tickets.rehearse(
            district,
            lambda: routing.add_rule(SYSTEM, district, DRAFT),
            since=clock.now() - timedelta(days=30),
        )

    assert report.tried == 2
    assert [one.number for one in report.rerouted] == [queries.get(light).number]
    assert "社区" in report.rerouted[0].words
    assert routing_queries.rows(district) == []
    assert queries.get(make.submitted(world)).lead_id == world.organisations["firm"]


def test_what_lies_further_back_is_not_tried(world):
    make.submitted(world)
    district = world.places["district"]

    with make.after(days=40), unit_of_work():
        report = tickets.rehearse(
            district,
            lambda: routing.add_rule(SYSTEM, district, DRAFT),
            since=clock.now() - timedelta(days=30),
        )

    assert (report.tried, report.rerouted) == (0, ())


def test_the_docs_show_the_table_as_it_is():
    written = Path("docs/workflow.md").read_text(encoding="utf-8")

    assert written == page.workflow_page()
