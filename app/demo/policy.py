"""What the invented district decided for itself: routing rules and other time limits."""

from datetime import time
from uuid import UUID

from app.catalog import service as catalog
from app.catalog.service import OverrideDraft
from app.demo.town import Town
from app.kernel.actor import Actor
from app.routing import service as routing
from app.routing.rules import Mode, RuleDraft, Target


def decide(town: Town) -> None:
    """Write the rules and the overrides, as the district's administrator."""
    admin = town.actors["dev-admin"]
    district_id = town.places[town.world.ground.district.code]
    for draft in (*_for_firms(town), *_for_desks()):
        routing.add_rule(admin, district_id, draft)
    _differ(admin, district_id)


def _for_firms(town: Town) -> tuple[RuleDraft, ...]:
    hean = town.organisations["hean"]
    return (
        RuleDraft(
            name="新城保修期问题转开发商",
            target=Target.ORGANISATION,
            organisation_id=town.organisations["lingshang"],
            mode=Mode.MANUAL,
            category_code="BLD-WARRANTY",
            node_id=town.places["xincheng"],
            why="交付五年内由建设单位保修，社区核对后转办并跟进",
        ),
        RuleDraft(
            name="禾安门窗门禁维修轮流派单",
            target=Target.PROPERTY,
            mode=Mode.ROTATE,
            cap=8,
            category_code="BLD-DOOR",
            serving_id=hean,
            why="四位师傅轮着来，每人手上不超过八件",
        ),
        RuleDraft(
            name="户内小修放入抢单池",
            target=Target.PROPERTY,
            mode=Mode.CLAIM,
            category_code="BLD-HOMEMINOR",
            why="住户约的时间不一样，谁顺路谁接",
        ),
        RuleDraft(
            name="夜间噪声直接派物业值班",
            target=Target.PROPERTY,
            mode=Mode.AUTO,
            category_code="NBR-NOISE",
            from_time=time(21, 0),
            to_time=time(7, 0),
            why="夜里社区没有人派单，物业先到场劝阻",
        ),
    )


def _for_desks() -> tuple[RuleDraft, ...]:
    return (
        RuleDraft(
            name="路灯不亮直接派街道",
            target=Target.STREET,
            mode=Mode.AUTO,
            category_code="PUB-STREETLIGHT",
            why="路灯归街道管养，不用社区转一道",
        ),
        RuleDraft(
            name="便民代办直接派社区",
            target=Target.COMMUNITY,
            mode=Mode.AUTO,
            category_code="HLP-CONVEN",
            why="由社区工作人员和楼栋长上门办理",
        ),
    )


def _differ(admin: Actor, district_id: UUID) -> None:
    """Let the district promise more than the country-wide list, and grade 1 more still."""
    catalog.override(
        admin,
        OverrideDraft(
            category_code="WPE-HEAT",
            district_id=district_id,
            changes={"accept_by": "20m", "respond_by": "90m"},
            why="区里供暖季服务承诺",
        ),
    )
    catalog.override(
        admin,
        OverrideDraft(
            category_code="BLD-DOOR",
            district_id=district_id,
            contract_grade="1",
            changes={"resolve_by": "2d"},
            why="一级合同约定两天内修好单元门",
        ),
    )
