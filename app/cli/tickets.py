"""``flask tickets``: check every history by hand."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import click
from flask import current_app
from flask.cli import AppGroup

from app.identity import queries as identity
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.errors import SandanError
from app.kernel.storage import FolderStorage
from app.kernel.work import unit_of_work
from app.routing import service as routing
from app.routing.drafts import RuleDraft
from app.routing.rules import Mode, Target
from app.territory import queries as territory
from app.tickets import page, queries
from app.tickets import service as tickets

ticket_commands = AppGroup("tickets", help="Histories of tickets.")

SHOWN = 50


@ticket_commands.command("verify")
def verify() -> None:
    """Check every chain and replay it to the present state; exit 1 if one is unsound."""
    checked = broken = 0
    for number, flaws in tickets.verify():
        checked += 1
        if flaws:
            broken += 1
            for flaw in flaws[:SHOWN]:
                click.echo(f"{number}: {flaw}")
    click.echo(f"{checked} tickets checked, {broken} unsound")
    if broken:
        raise SystemExit(1)


@ticket_commands.command("anchor")
def anchor() -> None:
    """Write all chain heads outside the database, now."""
    click.echo(tickets.anchor(_storage(), clock.now()))


@ticket_commands.command("check-anchor")
@click.argument("key")
def check_anchor(key: str) -> None:
    """Compare an anchored file with the histories that stand; exit 1 if one differs."""
    flaws = tickets.check_anchor(_storage(), key)
    for flaw in flaws[:SHOWN]:
        click.echo(flaw)
    click.echo(f"{len(flaws)} differences")
    if flaws:
        raise SystemExit(1)


@ticket_commands.command("rehearse")
@click.option("--district", required=True, help="Code of the district.")
@click.option("--add", "added", help="A rule to add, as JSON (fields of RuleDraft).")
@click.option("--retire", "retired", type=click.UUID, help="Id of a rule to end.")
@click.option("--days", default=90, show_default=True, help="How far back to try.")
def rehearse(district: str, added: str | None, retired: UUID | None, days: int) -> None:
    """Say which past tickets a change of the rules would have sent elsewhere; changes nothing."""
    if (added is None) == (retired is None):
        raise click.UsageError("give either --add or --retire")
    places = territory.children(None, limit=100).items
    place = next((one for one in places if one.code == district), None)
    if place is None:
        raise click.ClickException(f"no district has the code {district}")
    change = _retiring(retired) if retired else _adding(place.id, added or "")
    try:
        with unit_of_work():
            since = clock.now() - timedelta(days=days)
            report = tickets.rehearse(place.id, change, since=since)
    except SandanError as refused:
        raise click.ClickException(f"{refused.detail} {refused.errors or ''}") from refused
    for one in report.rerouted[:SHOWN]:
        click.echo(f"{one.number} {one.category_code} {one.public_label}：{one.words}")
    click.echo(f"试了{report.tried}张单，{len(report.rerouted)}张会改派。")


def _retiring(rule_id: UUID) -> Callable[[], object]:
    return lambda: routing.retire_rule(SYSTEM, rule_id, why="试算")


def _adding(district_id: UUID, text: str) -> Callable[[], object]:
    try:
        given = json.loads(text)
        draft = RuleDraft(
            **{
                "why": "试算",
                **given,
                "target": Target(given["target"]),
                "mode": Mode(given["mode"]),
                "weekdays": frozenset(given.get("weekdays", ())),
            }
        )
    except (ValueError, TypeError, KeyError) as error:
        raise click.UsageError(f"--add is not a rule: {error}") from error
    return lambda: routing.add_rule(SYSTEM, district_id, draft)


@ticket_commands.command("hand-over")
@click.option("--from", "going", type=click.UUID, required=True, help="Project that ends.")
@click.option("--to", "coming", type=click.UUID, required=True, help="Project that begins.")
def hand_over(going: UUID, coming: UUID) -> None:
    """Move the open tickets of a firm that goes to the firm that comes, each at once.

    Begun again after a break it finds the rest.
    """
    project = next((one for one in identity.projects() if one.id == coming), None)
    if project is None:
        raise click.ClickException("没有这个物业项目。")
    moved = left = 0
    for ticket_id in queries.held_under(going):
        with unit_of_work():
            done = tickets.hand_over(ticket_id, project.organisation_id, project.id)
        moved, left = moved + done, left + (not done)
    click.echo(f"{moved} tickets handed over, {left} stay (the new firm is accused in them)")


@ticket_commands.command("workflow")
def workflow_page() -> None:
    """Print docs/workflow.md, made from the table of transitions."""
    click.echo(page.workflow_page(), nl=False)


def _storage() -> FolderStorage:
    return FolderStorage(current_app.extensions["settings"].media_dir)
