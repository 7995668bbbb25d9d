"""Sheets of the small world, made the way the outbox makes them."""

import io
import re
import zlib
from uuid import UUID

import zxingcpp
from PIL import Image
from sqlalchemy import select

from app.kernel import outbox
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.outbox import OutboxEvent
from app.kernel.work import unit_of_work
from app.signs import service
from app.signs.events import CodesDue, SheetsDue
from app.signs.rules import SheetFile
from app.signs.service import Progress, Wanted
from app.territory.rules import FacilityKind, Level
from app.territory.service import FacilityDraft, PlaceDraft, add_facility, add_places
from tests.make.outbox import SYSTEM
from tests.make.world import World
from workers.drain import Wiring, turn
from workers.subscriptions import SIGNS

OWN = Wiring(listeners=outbox.listen(SIGNS), timetable=())


def ask(actor: Actor, place_id: UUID, **more: object) -> Progress:
    """Ask for sheets in a unit of work."""
    with unit_of_work():
        return service.ask(actor, Wanted(place_id, **more))


def work() -> None:
    """Let the outbox do what is owed now."""
    turn(OWN, outbox.Lane.LONG, ring=lambda _: None)


def owed(kind: type[CodesDue] | type[SheetsDue], job_id: UUID) -> list:
    """Read the events of a sheet that were recorded, oldest first."""
    session.rollback()
    rows = session.scalars(select(OutboxEvent).where(OutboxEvent.topic == kind.topic)).all()
    found = [
        kind(job_id=job_id, **{k: v for k, v in row.payload.items() if k != "job_id"})
        for row in rows
        if row.payload["job_id"] == str(job_id)
    ]
    session.rollback()
    return sorted(found, key=lambda event: getattr(event, "first", 0))


def progress(actor: Actor, made: Progress) -> Progress:
    """Look at a sheet afresh."""
    session.rollback()
    session.expire_all()
    return service.progress(actor, made.place_id, made.id)


def file(actor: Actor, made: Progress, wanted: SheetFile) -> bytes:
    """Fetch a file by its link."""
    return service.open_link(service.link(actor, made.place_id, made.id, wanted)).data


def pages(pdf: bytes) -> list[Image.Image]:
    """Read back the pictures of a PDF as we write it."""
    found = re.finditer(rb"/Width (\d+)/Height (\d+).*?/Length (\d+)>>\nstream\n", pdf)
    made = []
    for one in found:
        wide, high, length = map(int, one.groups())
        bits = zlib.decompress(pdf[one.end() : one.end() + length])
        made.append(Image.frombytes("1", (wide, high), bits))
    return made


def scans(page: Image.Image) -> set[str]:
    """Scan every code on a page."""
    return {found.text for found in zxingcpp.read_barcodes(page.convert("L"))}


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def lift(world: World, number: str = "DT-01", at: str = "building") -> UUID:
    """Put up a lift."""
    with unit_of_work():
        draft = FacilityDraft(number, FacilityKind.LIFT, world.places[at])
        return add_facility(SYSTEM, draft).id


def more_buildings(world: World, count: int) -> None:
    """Plant buildings in the compound."""
    compound = world.places["compound"]
    with unit_of_work():
        add_places(
            SYSTEM,
            [PlaceDraft(Level.BUILDING, f"{number}号楼", compound) for number in range(count)],
        )
