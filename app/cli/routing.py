"""Look at routing: what is wrong with the rules, and who would get a case."""

import sys
from uuid import UUID

import click
from flask.cli import AppGroup

from app.catalog import queries as catalog
from app.catalog.rules import PARTY_NAMES, Accused, Party
from app.identity import queries as identity
from app.kernel import clock
from app.kernel.errors import SandanError
from app.routing import queries, service
from app.routing.rules import Case
from app.territory import queries as territory
from app.territory.rules import Spot

routing_commands = AppGroup("routing", help="Who gets a case, and what is wrong with the rules.")


@routing_commands.command("check")
@click.option("--district", help="Code of one district; all of them unless given.")
def check(district: str | None) -> None:
    """Report contradicting, dead and useless rules; exit 1 if there are any."""
    found = 0
    for place in territory.children(None, limit=100).items:
        if district not in (None, place.code):
            continue
        for finding in queries.findings(place.id):
            found += 1
            click.echo(f"{place.name}  {finding.flaw.value}  {finding.words}")
    click.echo(f"共{found}处问题。" if found else "没有发现问题。")
    sys.exit(1 if found else 0)


@routing_commands.command("explain")
@click.option("--place", required=True, help="Scene of a QR code, or id of a place.")
@click.option("--category", required=True, help="Code of a category.")
@click.option("--accuse", type=click.Choice([one.value for one in Accused][1:]))
def explain(place: str, category: str, accuse: str | None) -> None:
    """Say who would get a case here and now, and why; changes nothing."""
    at = clock.now()
    try:
        spot = _spot(place)
        view = catalog.offered(category, district_id=spot.district_id, at=at)
    except SandanError as error:
        raise click.ClickException(error.detail) from error
    decision = service.explain(Case(spot=spot, category=view, at=at, accuse=accuse))
    for said in decision.why:
        click.echo(said)
    named = [decision.lead_id] if decision.lead_id else []
    names = identity.organisation_names([*named, *decision.co_ids])
    click.echo(f"承办：{names.get(decision.lead_id, '待定') if decision.lead_id else '待定'}")
    if decision.co_ids:
        click.echo(f"协办：{'、'.join(names[one] for one in decision.co_ids)}")
    if decision.parties_without_accounts:
        parties = (PARTY_NAMES[Party(one)] for one in decision.parties_without_accounts)
        click.echo(f"另行联系：{'、'.join(parties)}")
    click.echo(f"方式：{decision.mode.value}  派单层级：{decision.desk_level}")


def _spot(place: str) -> Spot:
    try:
        place_id = UUID(place)
    except ValueError:
        return territory.spot_of_scene(place)
    return territory.spot_of_place(place_id)
