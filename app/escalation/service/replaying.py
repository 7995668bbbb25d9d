"""Recomputing every clock of every ticket from its history, to find what should not be."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from app.sla import clocks
from app.sla import queries as sla
from app.sla.clocks import Clock
from app.tickets import queries as tickets

if TYPE_CHECKING:
    from app.tickets.models import Step

BATCH = 500


def replay() -> Iterator[tuple[str, list[str]]]:
    """Walk through every ticket and yield (number, differences) of each; none is sound.

    A batch at a time. What differs is read again: somebody may have acted between.
    """
    last: UUID | None = None
    while batch := tickets.after(last, BATCH):
        ids = [ticket.id for ticket in batch]
        steps, rows = tickets.steps_of_many(ids), sla.clocks_of_many(ids)
        for ticket in batch:
            kept = [sla.clock_of(row) for row in rows.get(ticket.id, ())]
            found = differences(steps.get(ticket.id, []), kept)
            yield ticket.number, differences_of(ticket.id) if found else found
        last = batch[-1].id


def differences_of(ticket_id: UUID) -> list[str]:
    """List how the clocks of one ticket differ from what its history says."""
    tickets.fresh(ticket_id)
    return differences(tickets.steps_of(ticket_id), sla.clocks(ticket_id))


def differences(steps: Sequence["Step"], kept: Sequence[Clock]) -> list[str]:
    """Compare clocks with the fold of a history, field by field.

    A history that began before steps told of clocks has nothing to compare with.
    """
    if not steps or "clocks" not in steps[0].facts:
        return []
    told = {(one.kind, one.round): one for one in replayed(steps)}
    stand = {(one.kind, one.round): one for one in kept}
    found = [f"{kind} {n}: no step started it" for kind, n in stand.keys() - told.keys()]
    found += [f"{kind} {n}: it is not there" for kind, n in told.keys() - stand.keys()]
    for key in sorted(told.keys() & stand.keys()):
        found += _unlike(told[key], stand[key])
    return found


def replayed(steps: Sequence["Step"]) -> tuple[Clock, ...]:
    """Fold a history into the clocks it leads to.

    The district of a step is the one the ticket lies in after it.
    """
    now: tuple[Clock, ...] = ()
    district: UUID | None = None
    for step in steps:
        if "district_id" in step.changes:
            named = step.changes["district_id"]
            district = UUID(named) if named else None
        here = district
        now = clocks.fold(
            now,
            step.facts.get("clocks", ()),
            step.at,
            lambda edition, here=here: sla.calendars(here, edition),  # type: ignore[misc]
        )
    return now


def _unlike(told: Clock, kept: Clock) -> list[str]:
    fields = (
        *("tier", "token", "percent", "calendar", "policy_version", "edition", "started_at"),
        *("amendments", "due_at", "warn_at", "warn_percent", "paused", "met_at", "stopped_at"),
    )
    name = f"{told.kind} {told.round}"
    found = [
        f"{name}: {field} is {getattr(kept, field)!s}, its history says {getattr(told, field)!s}"
        for field in fields
        if getattr(told, field) != getattr(kept, field)
    ]
    seconds = [_seconds(one) for one in (kept, told)]
    return found if seconds[0] == seconds[1] else [*found, f"{name}: time used is {seconds}"]


def _seconds(clock: Clock) -> int | None:
    return None if clock.used is None else round(clock.used.total_seconds())
