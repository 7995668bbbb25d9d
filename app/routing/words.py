"""Why, in words: one plain sentence for each thing that counted.

Residents read these too, so they name organisations and buildings, never
people, units or dwellings.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from app.catalog.rules import PARTY_NAMES, Party
from app.kernel.clock import SHANGHAI
from app.routing.matching import Case, Mode, Rule
from app.routing.parties import Candidates, Org

MODES: Mapping[Mode, str] = {
    Mode.MANUAL: "等{desk}派单",
    Mode.AUTO: "自动派单",
    Mode.CLAIM: "放入待接单池，由工作人员抢单",
    Mode.ROTATE: "轮流派给值班人员",
}
LEVELS: Mapping[str, str] = {"community": "社区", "street": "街道", "district": "区级"}


def way(mode: Mode, desk: str) -> str:
    """Say how it goes out."""
    return MODES[mode].format(desk=desk)


def desk_name(level: str, candidates: Candidates) -> str:
    """Name the desk of a level, or the level if nobody stands there."""
    desk = candidates.desks.get(level)
    return desk.name if desk else LEVELS[level]


def party_names(parties: Sequence[str]) -> str:
    """Name parties one after the other."""
    return "、".join(PARTY_NAMES[Party(party)] for party in parties)


def org_names(organisations: Sequence[Org]) -> str:
    """Name organisations one after the other."""
    return "、".join(one.name for one in organisations)


def about_the_accused(
    case: Case, accused: Sequence[Org], desk: str, candidates: Candidates
) -> list[str]:
    """Say who is accused and who decides instead."""
    if not case.accused:
        return []
    who = desk_name(desk, candidates)
    if not accused:
        named = party_names(case.accused)
        return [f"反映的是{named}，这里没有登记对应的单位，由{who}核实处理。"]
    return [f"反映的是{org_names(accused)}，被反映的单位不参与办理，由{who}负责派单。"]


def nobody(case: Case, desk: str, candidates: Candidates) -> str:
    """Say that no organisation can lead."""
    place = case.spot.public_label or "未登记的地点"
    who = desk_name(desk, candidates)
    return f"“{case.category.name}”（{place}）暂时没有能承办的单位，请{who}指定。"


def no_firm(case: Case, lead: Org) -> str:
    """Say why the firm is not the one."""
    if case.spot.compound_id is None:
        return f"这里不在任何小区内，由{lead.name}负责协调。"
    cost = "户内维修费用自理。" if case.category.in_home else ""
    return f"这个小区没有物业企业服务，由{lead.name}协调，并附上兜底联系名单。{cost}"


def ground(rule: Rule | None, stands_for: str) -> str:
    """Say on what ground the lead was found."""
    if rule is not None:
        return f"按规则“{rule.name}”"
    return "按设施登记的责任单位" if stands_for == "facility" else "按这类事项的规定"


def about_the_lead(case: Case, lead: Org, ground: str, mode: Mode, desk: str) -> list[str]:
    """Say who leads, on what ground and how it goes out."""
    place = case.spot.public_label or "未登记的地点"
    said = [f"属于{place}，“{case.category.name}”由{lead.name}负责，{ground}{way(mode, desk)}。"]
    if case.urgent:
        hurry = "特急" if case.level_of_need == "P0" else "紧急"
        said.append(f"{hurry}事项不等人工派单，直接通知值班人员。")
    return said


def about_the_rest(
    case: Case, candidates: Candidates, lead: Org | None, co: Sequence[Org], parties: Sequence[str]
) -> list[str]:
    """Say who joins, who must be rung, and whether a warranty still runs."""
    said = []
    if case.exclude:
        said.append("已退回过这件事的单位不再承办。")
    if co:
        said.append(f"请{org_names(co)}协助。")
    if parties:
        said.append(f"还需联系：{party_names(parties)}。")
    answerer = candidates.answerer
    if answerer and answerer != lead and not answerer.has_accounts:
        said.append(f"设施登记的责任单位是{answerer.name}，请电话联系。")
    until = case.spot.warranty_until
    if until is not None and _local_day(case) <= until:
        said.append(f"设施在保修期内，保修到{until.year}年{until.month}月{until.day}日。")
    return said


def _local_day(case: Case) -> date:
    return case.at.astimezone(SHANGHAI).date()
