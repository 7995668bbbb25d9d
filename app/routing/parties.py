"""From parties to organisations: who is accused, who may lead, who joins: pure.

Apart from ``rules`` because transfers and overrides ask it too: whoever is
accused never leads, by whichever way a ticket would come to them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.routing.matching import Case, Mode, Rule, Target

Contact = tuple[str, str]
"""A name and a phone number."""

LEVELS = ("community", "street", "district")
WITHOUT_FIRM = frozenset({"none", "self_managed"})
"""Management modes in which nobody serves the compound as its firm."""

FALLS_TO: Mapping[str, tuple[str, ...]] = {
    "property": ("property", "community", "street", "district"),
    "owners_committee": ("owners_committee", "community", "street", "district"),
    "community": ("community", "street", "district"),
    "street": ("street", "district"),
    "district": ("district",),
}
"""Who answers when the party named first does not stand or may not lead.

A party that is no key here (utility, fire, police …) has no account.
"""

DEFAULT_MODES: Mapping[str, Mode] = {
    "facility": Mode.AUTO,
    "property": Mode.AUTO,
    "owners_committee": Mode.MANUAL,
    "community": Mode.MANUAL,
    "street": Mode.MANUAL,
    "district": Mode.MANUAL,
}
"""How a case goes out when no rule speaks, by the party that leads.

An accusing case is always manual (the desk reads it first), a P0 or P1 always
automatic, whatever stands here.
"""

FACILITY_ANSWERS_FOR = frozenset({"property", "utility", "street"})
FACILITY_KINDS_OF_CASE = frozenset({"repair", "help"})
"""A facility's registered party takes over from these, for broken things only."""


@dataclass(frozen=True, slots=True)
class Org:
    """An organisation as routing needs it, known to stand at the time asked."""

    id: UUID
    name: str
    kind: str = ""
    phone: str | None = None
    project_id: UUID | None = None
    has_accounts: bool = True


@dataclass(frozen=True, slots=True)
class OnDuty:
    """A person on duty; the tuple they come in is the order of calling."""

    person_id: UUID
    name: str = ""
    phone: str = ""


def _nobody(_organisation_id: UUID) -> Org | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Everybody who might get the case, looked up beforehand.

    ``firms`` come most specific first; ``all_firms`` are those of the compound
    where the building is not known, so that an accusation reaches each of them.
    ``desks`` by level, ``answerer`` is the party registered for the facility.
    ``find`` names an organisation a rule points to, or None if it has ended.
    """

    firms: tuple[Org, ...] = ()
    all_firms: tuple[Org, ...] = ()
    desks: Mapping[str, Org] = field(default_factory=dict)
    committee: Org | None = None
    answerer: Org | None = None
    find: Callable[[UUID], Org | None] = _nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who of the leading organisation is there; read once the lead is known.

    ``members`` are looked up only where a rule names a person. ``barred`` belong
    to an accused organisation as well. ``fallback`` is the list to ring in a
    compound without a firm (兜底).
    """

    duty: tuple[OnDuty, ...] = ()
    members: frozenset[UUID] = frozenset()
    barred: frozenset[UUID] = frozenset()
    fallback: tuple[Contact, ...] = ()


def orgs_of(party: str, candidates: Candidates) -> Sequence[Org]:
    """List who stands for ``party`` here, the first choice first."""
    if party == "property":
        return candidates.firms
    if party == "owners_committee":
        return (candidates.committee,) if candidates.committee else ()
    return (candidates.desks[party],) if party in candidates.desks else ()


def respondents(case: Case, candidates: Candidates) -> tuple[Org, ...]:
    """Name the accused organisations: every firm of the place, not only the likely one."""
    accused = case.accused
    if not accused:
        return ()
    found = {one.id: one for party in accused for one in orgs_of(party, candidates)}
    if "property" in accused:
        answerer = candidates.answerer
        own = (answerer,) if answerer and answerer.kind == "property_firm" else ()
        for one in (*candidates.all_firms, *own):
            found.setdefault(one.id, one)
    return tuple(found.values())


def tier_of(case: Case) -> int:
    """Name the tier the case stands at (1 compound … 4 district)."""
    return case.category.start_tier if case.tier is None else case.tier


def desk_level(case: Case, candidates: Candidates, barred: frozenset[UUID]) -> str:
    """Name the level that dispatches and decides.

    The community, unless the case starts higher, the community or street is
    accused, or nobody stands there.
    """
    lowest = {3: 1, 4: 2}.get(min(tier_of(case), 4), 0)
    for party in case.accused:
        if party in LEVELS:
            lowest = max(lowest, min(LEVELS.index(party) + 1, 2))
    for level in LEVELS[lowest:]:
        desk = candidates.desks.get(level)
        if desk is not None and desk.id not in barred:
            return level
    return LEVELS[lowest]


def party_in_charge(case: Case) -> str:
    """Name the party the category puts in charge, as one that has accounts.

    Joint enforcement at tier 1: the firm has the first duty to stop and report
    (Property Management Regulation, art. 45); from tier 2 the community leads.
    A utility or department is reached through whoever accompanies it.
    """
    category = case.category
    if category.default_party == "joint_enforcement":
        return "property" if tier_of(case) <= 1 else "community"
    if category.default_party in FALLS_TO:
        return category.default_party
    return next((party for party in category.co_parties if party in FALLS_TO), "community")


def target_of(
    rule: Rule, candidates: Candidates, shut_out: frozenset[UUID]
) -> tuple[Org | None, str]:
    """Find whom a rule sends the case to, or say in words why nobody."""
    if rule.target is Target.ORGANISATION:
        named = candidates.find(rule.organisation_id) if rule.organisation_id else None
        found: Sequence[Org] = (named,) if named else ()
    else:
        found = orgs_of(rule.target, candidates)
    if not found:
        return None, f"规则“{rule.name}”指定的单位已停用或不在这里服务，没有采用。"
    for one in found:
        if one.id not in shut_out:
            as_firm = (firm for firm in candidates.firms if firm.id == one.id)
            return next(as_firm, one), ""
    return None, f"规则“{rule.name}”指定的{found[0].name}不能承办这件事，没有采用。"


def lead_by_default(
    case: Case, candidates: Candidates, shut_out: frozenset[UUID]
) -> tuple[Org | None, str]:
    """Find who leads when no rule speaks: (organisation, party it stands for).

    A compound that manages itself has no firm, even if one serves a lift there;
    a rule may still name that one.
    """
    answerer = candidates.answerer
    if answerer and answerer.id not in shut_out and _facility_leads(case, answerer):
        as_firm = (firm for firm in candidates.firms if firm.id == answerer.id)
        return next(as_firm, answerer), "facility"
    party = party_in_charge(case)
    for step in FALLS_TO[party]:
        if step == "property" and case.spot.management_mode in WITHOUT_FIRM:
            continue
        for one in orgs_of(step, candidates):
            if one.id not in shut_out and one.has_accounts:
                return one, step
    return None, "nobody"


def _facility_leads(case: Case, answerer: Org) -> bool:
    category = case.category
    return (
        answerer.has_accounts
        and category.kind in FACILITY_KINDS_OF_CASE
        and category.default_party in FACILITY_ANSWERS_FOR
    )


def lacks_firm(case: Case, candidates: Candidates, stands_for: str) -> bool:
    """Tell whether the case fell to ``stands_for`` because no firm serves here."""
    firmless = not candidates.firms or case.spot.management_mode in WITHOUT_FIRM
    wanted = case.category.default_party in ("property", "joint_enforcement")
    return firmless and wanted and stands_for not in ("", "facility", "property")


def helpers(
    case: Case, candidates: Candidates, lead: Org | None, shut_out: frozenset[UUID]
) -> tuple[tuple[Org, ...], tuple[str, ...]]:
    """Name who joins: organisations with accounts, and parties without.

    A P0 goes to the firm and the community at once (dual dispatch).
    """
    category = case.category
    joined: dict[UUID, Org] = {}
    without: dict[str, None] = {}
    wanted: list[str] = list(category.co_parties)
    by_facility = lead is not None and lead == candidates.answerer
    if by_facility or category.default_party not in FALLS_TO:
        wanted.insert(0, category.default_party)
    if case.level_of_need == "P0":
        wanted.append("community")
    for party in wanted:
        if party not in FALLS_TO:
            without[str(party)] = None
            continue
        free = [one for one in orgs_of(party, candidates) if one.id not in shut_out]
        if free and (lead is None or all(one.id != lead.id for one in free)):
            joined.setdefault(free[0].id, free[0])
    return tuple(joined.values()), tuple(without)
