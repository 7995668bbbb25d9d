"""Print the signs of a place without waiting for a worker."""

from pathlib import Path
from uuid import UUID

import click
from flask.cli import AppGroup

from app.kernel.actor import SYSTEM
from app.kernel.errors import SandanError, Unavailable
from app.kernel.work import unit_of_work
from app.signs import rules, service
from app.signs.events import CodesDue, SheetsDue
from app.signs.rules import SheetFile
from app.signs.service import Progress, Wanted
from app.territory import queries as territory

places_commands = AppGroup("places", help="The signs that hang at places.")


@places_commands.command("sheets")
@click.argument("place_code")
@click.option("--size", type=click.Choice(rules.SIZES), default="a4", show_default=True)
@click.option("--alone", is_flag=True, help="The place's own sign and no other.")
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, writable=True, path_type=Path)
)
def sheets(place_code: str, size: str, alone: bool, out: Path) -> None:
    """Write the signs at and below a place into a PDF (or, for one sign, a .png)."""
    place = territory.codes_known([place_code]).get(place_code)
    if place is None:
        raise click.ClickException("没有这个编码的地址。")
    picture = out.suffix.lower() == ".png"
    file = SheetFile(f"{size}.{'png' if picture else 'pdf'}")
    try:
        made = _made(place.id, alone=alone)
        token = service.link(SYSTEM, place.id, made.id, file)
        out.write_bytes(service.open_link(token).data)
    except SandanError as error:
        raise click.ClickException(error.detail) from error
    if made.note:
        click.echo(made.note)
    click.echo(f"{made.total} 张牌子已写入 {out}。")


def _made(place_id: UUID, *, alone: bool) -> Progress:
    """Do here what the outbox would do; a worker that is faster does no harm."""
    with unit_of_work():
        asked = service.ask(SYSTEM, Wanted(place_id, alone=alone))
    for first, last in rules.batches(asked.total):
        _fetched(CodesDue(job_id=asked.id, first=first, last=last))
    service.draw(SheetsDue(job_id=asked.id))
    return service.progress(SYSTEM, place_id, asked.id)


def _fetched(event: CodesDue) -> None:
    """Fetch a batch; after so many tries its signs go without WeChat's code."""
    for _ in range(rules.TRIES):
        try:
            service.fetch(event)
        except Unavailable:
            continue
        return
