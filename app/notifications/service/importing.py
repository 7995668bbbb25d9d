"""Take words in from a file: all of it or nothing, each change a new row with its day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.kernel import audit, clock
from app.kernel.actor import Actor
from app.kernel.errors import Invalid
from app.notifications import queries
from app.notifications.rules import drafting, fitting
from app.notifications.rules.drafting import SourceLine
from app.notifications.rules.wording import Wording
from app.notifications.service.choosing import TemplateDraft, require_editor, set_template
from app.wechat.answers import Template


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The words that changed, in the order of the file, and how many were so already."""

    changed: tuple[Wording, ...]
    unchanged: int


def import_templates(
    actor: Actor,
    lines: Sequence[SourceLine],
    known: Mapping[str, Template] | None,
    *,
    dry_run: bool = False,
) -> ImportReport:
    """Say what a file says; ``known`` are WeChat's templates by id, if it was asked.

    A dry run changes nothing.

    Raises:
        Forbidden: the actor does not run this installation (code ``not_your_words``).
        Invalid: something is wrong; ``errors`` maps line numbers to complaints, and nothing
            is changed (code ``bad_lines``).

    """
    require_editor(actor)
    now = clock.now()
    checked = drafting.check(lines, now)
    wrong = {number: list(words) for number, words in checked.problems.items()}
    fresh: list[Wording] = []
    for number, one in checked.wordings.items():
        if number in wrong:
            continue
        faults = fitting.faults(one, known)
        if not faults and not is_so(one, now):
            fresh.append(one)
            faults = _past(one, now)
        if faults:
            wrong[number] = faults
    if wrong:
        errors = {str(number): words for number, words in sorted(wrong.items())}
        raise Invalid(f"有{len(wrong)}行不对，没有导入。", code="bad_lines", errors=errors)
    if fresh and not dry_run:
        for one in fresh:
            set_template(actor, draft_of(one))
        audit.record(actor, "message.templates_imported", "message_template", count=len(fresh))
    return ImportReport(tuple(fresh), len(checked.wordings) - len(fresh))


def is_so(one: Wording, now: datetime) -> bool:
    """Tell whether these very words hold, or will from their day on, by a row."""
    held = queries.row_for(one.kind, one.audience, one.channel, one.valid_from or now)
    return held is not None and _said(held) == _said(one)


def draft_of(one: Wording) -> TemplateDraft:
    """Make a draft of words that were read from a file."""
    return TemplateDraft(
        kind=one.kind,
        audience=one.audience,
        channel=one.channel,
        title=one.title,
        text=one.text,
        page=one.page,
        template_id=one.template_id,
        fields=dict(one.fields),
        long_term=one.long_term,
        valid_from=one.valid_from,
    )


def _past(one: Wording, now: datetime) -> list[str]:
    """Refuse to change what was said, or what is to be said from a moment that has its words."""
    if one.valid_from is None:
        return []
    if one.valid_from < now:
        return ["生效时间已过，说过的话不能改；要现在生效就留空"]
    held = queries.row_for(one.kind, one.audience, one.channel, one.valid_from)
    is_taken = held is not None and held.valid_from == one.valid_from
    return ["这个时间已经定了别的内容，请换一个时间"] if is_taken else []


def _said(one: Wording) -> tuple[object, ...]:
    fields = tuple(sorted(one.fields.items()))
    return one.title, one.text, one.page, one.template_id, fields, one.long_term
