"""Who gets it: the first rule that can be carried out, else the category's default.

Pure: the time is in the case, everybody who might get it in the candidates. The
accused never leads and never joins, whatever a rule says. Every answer says why.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from app.routing import words
from app.routing.conflicts import Finding, Flaw, World, conflicts
from app.routing.drafts import RuleDraft
from app.routing.matching import Busy, Case, Load, Mode, Rule, Target, matching
from app.routing.parties import (
    DEFAULT_MODES,
    Candidates,
    Contact,
    OnDuty,
    Org,
    People,
    desk_level,
    helpers,
    lacks_firm,
    lead_by_default,
    respondents,
    target_of,
)

__all__ = [
    "Busy",
    "Candidates",
    "Case",
    "Choice",
    "Decision",
    "Difference",
    "Finding",
    "Flaw",
    "Load",
    "Mode",
    "OnDuty",
    "Org",
    "People",
    "Rule",
    "RuleDraft",
    "Target",
    "World",
    "choose",
    "compare",
    "conflicts",
    "decide",
    "respondents",
    "settle",
]

_NOBODY = People()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which organisation leads and how, before its people are looked at.

    ``accused`` are the organisations that may never hold this case.
    """

    mode: Mode
    lead: Org | None
    co: tuple[Org, ...]
    parties: tuple[str, ...]
    accused: tuple[Org, ...]
    desk_level: str
    rule: Rule | None
    why: tuple[str, ...]
    urgent: bool
    needs_fallback: bool

    @property
    def needs_duty(self) -> bool:
        """Tell whether it matters who is on duty at the lead."""
        return self.lead is not None and (self.urgent or self.mode is Mode.ROTATE)

    @property
    def wanted_person(self) -> UUID | None:
        """Name the person a rule wants to have it, if that counts here."""
        counts = self.rule is not None and self.lead is not None and not self.urgent
        return self.rule.assignee_id if self.rule and counts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who gets the case, how, and why; ids of organisations and people.

    ``dispatch_now`` False: it waits at the desk of ``desk_level`` with ``lead_id``
    as a proposal. ``barred_ids`` may never hold it (``respondent_id`` is the first
    of them). ``call_list`` are (name, phone), in the order of calling.
    """

    mode: Mode
    lead_id: UUID | None
    lead_has_accounts: bool
    project_id: UUID | None
    assignee_id: UUID | None
    co_ids: tuple[UUID, ...]
    parties_without_accounts: tuple[str, ...]
    respondent_id: UUID | None
    barred_ids: frozenset[UUID]
    desk_level: str
    dispatch_now: bool
    why: tuple[str, ...]
    rule_id: UUID | None
    call_list: tuple[Contact, ...]


def decide(
    case: Case, rules: Sequence[Rule], candidates: Candidates, people: People = _NOBODY
) -> Decision:
    """Choose and settle in one go, for those who hold everything in hand."""
    return settle(choose(case, rules, candidates), case, people)


def choose(case: Case, rules: Sequence[Rule], candidates: Candidates) -> Choice:
    """Choose the leading organisation and the way to it; never raises, always says why."""
    accused = respondents(case, candidates)
    barred = frozenset(one.id for one in accused)
    shut_out = barred | case.exclude
    desk = desk_level(case, candidates, barred)
    serving = frozenset(firm.id for firm in candidates.firms)
    why = words.about_the_accused(case, accused, desk, candidates)

    lead, rule, stands_for = None, None, ""
    for candidate in matching(case, rules, serving):
        lead, refusal = target_of(candidate, candidates, shut_out)
        if lead is not None:
            rule = candidate
            break
        why.append(refusal)
    if lead is None:
        lead, stands_for = lead_by_default(case, candidates, shut_out)
    mode = _mode(case, rule, lead, stands_for)
    co, parties = helpers(case, candidates, lead, shut_out)
    no_firm = lacks_firm(case, candidates, stands_for)
    if lead is None:
        why.append(words.nobody(case, desk, candidates))
    else:
        why += [words.no_firm(case, lead)] if no_firm else []
        ground = words.ground(rule, stands_for)
        why += words.about_the_lead(case, lead, ground, mode, words.desk_name(desk, candidates))
    why += words.about_the_rest(case, candidates, lead, co, parties)
    return Choice(
        mode=mode,
        lead=lead,
        co=co,
        parties=parties,
        accused=accused,
        desk_level=desk,
        rule=rule,
        why=tuple(why),
        urgent=case.urgent,
        needs_fallback=no_firm and case.spot.compound_id is not None,
    )


def settle(choice: Choice, case: Case, people: People = _NOBODY) -> Decision:
    """Complete a choice with the person who gets it and the list to ring."""
    assignee, why = _assignee(choice, case, people)
    lead = choice.lead
    return Decision(
        mode=choice.mode,
        lead_id=lead.id if lead else None,
        lead_has_accounts=lead.has_accounts if lead else True,
        project_id=lead.project_id if lead else None,
        assignee_id=assignee,
        co_ids=tuple(one.id for one in choice.co),
        parties_without_accounts=choice.parties,
        respondent_id=choice.accused[0].id if choice.accused else None,
        barred_ids=frozenset(one.id for one in choice.accused),
        desk_level=choice.desk_level,
        dispatch_now=lead is not None and choice.mode is not Mode.MANUAL,
        why=(*choice.why, *why),
        rule_id=choice.rule.id if choice.rule else None,
        call_list=_call_list(choice, people),
    )


def _mode(case: Case, rule: Rule | None, lead: Org | None, stands_for: str) -> Mode:
    if lead is None:
        return Mode.MANUAL
    if case.urgent:
        return Mode.AUTO
    if rule is not None:
        by_hand = rule.mode in (Mode.CLAIM, Mode.ROTATE) and not lead.has_accounts
        return Mode.AUTO if by_hand else rule.mode
    if case.accused:
        return Mode.MANUAL
    return DEFAULT_MODES[stands_for]


# People


def _assignee(choice: Choice, case: Case, people: People) -> tuple[UUID | None, list[str]]:
    if choice.lead is None:
        return None, []
    duty = [one for one in people.duty if one.person_id not in people.barred]
    if choice.urgent:
        if duty:
            return duty[0].person_id, ["已派给现在值班的人员。"]
        return None, [f"{choice.lead.name}的值班表上现在没有人，请按联系名单打电话。"]
    if choice.mode is Mode.ROTATE:
        return _next_in_turn(choice, case, duty)
    wanted = choice.wanted_person
    if wanted is None or choice.mode is not Mode.AUTO:
        return None, []
    if wanted in people.members and wanted not in people.barred:
        return wanted, ["规则指定了办理人。"]
    return None, [f"规则指定的办理人现在不能办理，放入{choice.lead.name}的待接单池。"]


def _next_in_turn(
    choice: Choice, case: Case, duty: Sequence[OnDuty]
) -> tuple[UUID | None, list[str]]:
    """Take the one with the least in hand, then the one who waited longest."""
    name = choice.lead.name if choice.lead else ""
    if not duty:
        return None, [f"现在没有人值班，放入{name}的待接单池。"]
    asked = [one.person_id for one in duty]
    load: Load = case.load(asked) if callable(case.load) else case.load
    cap = choice.rule.cap if choice.rule else None
    turns = []
    for order, person in enumerate(asked):
        held = load.get(person, 0)
        busy = held if isinstance(held, Busy) else Busy(held)
        waited_since = busy.last.timestamp() if busy.last else 0.0
        if cap is None or busy.open < cap:
            turns.append((busy.open, waited_since, order, person))
    if not turns:
        return None, [f"值班人员手上的工单都满了（每人最多{cap}件），放入{name}的待接单池。"]
    least, _, _, person = min(turns)
    return person, [f"轮到值班人员中手上工单最少的一位（{least}件）。"]


def _call_list(choice: Choice, people: People) -> tuple[Contact, ...]:
    listed: list[Contact] = []
    if choice.urgent and choice.lead is not None:
        allowed = (one for one in people.duty if one.person_id not in people.barred)
        listed += [(one.name, one.phone) for one in allowed if one.phone]
        for org in (choice.lead, *choice.co):
            listed += [(org.name, org.phone)] if org.phone else []
    elif choice.lead and choice.lead.phone and not choice.lead.has_accounts:
        listed.append((choice.lead.name, choice.lead.phone))
    if choice.needs_fallback:
        listed += people.fallback
    return tuple(dict.fromkeys(listed))


# Dry run


@dataclass(frozen=True, slots=True)
class Difference:
    """One case that would go elsewhere; ``index`` counts the cases from 0."""

    index: int
    case: Case
    before: Choice
    after: Choice
    words: str


def compare(
    cases: Iterable[tuple[Case, Candidates]], old: Sequence[Rule], new: Sequence[Rule]
) -> list[Difference]:
    """List the cases that two rule sets answer differently, as if each stood all the time.

    Who would have been on duty then is not known, so people are left out.
    """
    before_rules = [replace(rule, valid_from=None, valid_to=None) for rule in old]
    after_rules = [replace(rule, valid_from=None, valid_to=None) for rule in new]
    found = []
    for index, (case, candidates) in enumerate(cases):
        before = choose(case, before_rules, candidates)
        after = choose(case, after_rules, candidates)
        if _outcome(before) != _outcome(after):
            said = f"原来{_outcome_words(before)}，改后{_outcome_words(after)}。"
            found.append(Difference(index, case, before, after, said))
    return found


def _outcome(choice: Choice) -> tuple[object, ...]:
    lead = choice.lead.id if choice.lead else None
    cap = choice.rule.cap if choice.rule and choice.mode is Mode.ROTATE else None
    return lead, choice.mode, choice.desk_level, choice.wanted_person, cap


def _outcome_words(choice: Choice) -> str:
    lead = choice.lead.name if choice.lead else "没有承办单位"
    return f"由{lead}承办、{words.way(choice.mode, words.LEVELS[choice.desk_level])}"
