"""The acts of desks and handlers, and the report itself.

Each finds who does it, and does it through the services, now.

Time is the caller's: the clock stands still while an act runs.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from app.catalog.rules import Urgency
from app.demo import casting
from app.demo.bodies import home_id
from app.demo.story import Story
from app.kernel.actor import Actor
from app.tickets import service as tickets
from app.tickets.service import Draft, Part, Target, Where, Words
from app.tickets.states import QuoteState, ResultKind

if TYPE_CHECKING:
    from app.tickets.models import Ticket

PHOTO, LATE_PHOTO = 0.22, 0.15
SEE_BELOW = "照片在下面。"
"""What somebody says who sends a picture along; else it is left out."""
ANONYMOUS, HAPPENED = 0.06, 0.1


def submit(story: Story) -> None:
    """Report it."""
    report, town = story.report, story.town
    view = story.setting.views[report.code]
    filer = report.filer or report.who
    actor = story.actor(filer)
    words = story.voice.report(urgent=view.urgency == Urgency.P0)
    person = town.person_of[report.who]
    on_behalf = report.filer is not None
    picture = None
    if actor.person_id is not None and (story.chance(PHOTO) or SEE_BELOW in words):
        picture = story.setting.pictures.before(report.code, actor.person_id)
    anonymous = view.anonymous_ok and not on_behalf and story.chance(ANONYMOUS)
    happened = story.at - timedelta(hours=story.rng.randint(1, 30))
    draft = Draft(
        category=report.code,
        where=_where(story),
        text=words if picture else words.replace(SEE_BELOW, ""),
        media=[picture] if picture else [],
        contact_name=None if anonymous else person.name,
        contact_phone=None if anonymous and not view.callback_phone_required else person.phone,
        anonymous=anonymous,
        accuse=_ticked(story),
        on_behalf=on_behalf,
        channel=report.channel,
        happened_at=happened if story.chance(HAPPENED) else None,
    )
    story.told = tickets.submit(actor, draft)


def _where(story: Story) -> Where:
    report, town = story.report, story.town
    home = town.person_of[report.who].home
    if report.where == "street" and report.grid is not None:
        return _on_the_street(story, report.grid)
    if home is None or home.compound != report.compound:
        return Where(place_id=town.places[report.compound])
    building = f"{home.compound}/{home.building}"
    if report.where == "home" and (story.report.filer or report.who in town.confirmed):
        return Where(place_id=home_id(town, home))
    # Where firms share a compound only the building tells whose it is.
    one_firm = len(town.world.firms_of(report.compound)) < 2
    if report.where == "yard" and one_firm and story.chance(0.5):
        return Where(place_id=town.places[report.compound])
    if report.where == "lift" or (report.where != "yard" and story.chance(0.3)):
        return Where(place_id=town.places[f"{building}/{home.unit}"])
    return Where(scene=town.scenes[building])


def _on_the_street(story: Story, grid: str) -> Where:
    """Scan the code of a lamp, or point at the map near one."""
    there = [f for f in story.town.world.facilities if f.grid == grid and f.compound is None]
    lamp = story.rng.choice(there)
    if story.chance(0.5):
        return Where(scene=story.town.scenes[lamp.number])
    return Where(point=(lamp.lat, lamp.lon, "gcj02"))


def _ticked(story: Story) -> str | None:
    """Let a resident tick "I complain about the firm" on a plain report."""
    report, view = story.report, story.setting.views[story.report.code]
    plain = view.accuses == "none" and view.kind == "complaint"
    served = bool(story.town.world.firms_of(report.compound))
    return "property" if plain and served and report.ticked else None


# The desk


def brief(story: Story) -> None:
    """Write what the accused may read."""
    view = story.view
    text = (
        f"居民反映：{view.name}。请就反映的情况写明经过，三个工作日内交给社区，不得打听是谁反映的。"
    )
    tickets.brief(casting.dispatcher(story), story.ticket.id, Words(text))


def reclassify(story: Story, code: str) -> None:
    """Correct the category."""
    words = Words("居民说不清类别，按反映的内容改到这一类。")
    tickets.reclassify(casting.dispatcher(story), story.ticket.id, code, words)


def relocate(story: Story) -> None:
    """Correct the place: to the whole compound."""
    where = Where(place_id=story.town.places[story.report.compound])
    words = Words("电话里和居民核对过，位置应为小区公共区域。")
    tickets.relocate(casting.dispatcher(story), story.ticket.id, where, words)


def dispatch(story: Story, *, besides: UUID | None = None, outside: bool = False) -> None:
    """Give it to whom the category names, or after a return to somebody else."""
    party = casting.outside_party(story) if outside else None
    key = party or casting.target(story, besides=besides)
    words = Words("产权在对方，由社区跟进。" if party else "")
    target = Target(organisation_id=story.town.organisations[key])
    tickets.dispatch(casting.dispatcher(story), story.ticket.id, target, words)


def transfer(story: Story) -> bool:
    """Move it to another organisation, if there is one."""
    key = casting.target(story, besides=story.ticket.lead_id)
    organisation_id = story.town.organisations[key]
    if organisation_id == story.ticket.lead_id:
        return False
    words = Words("到现场核对后，由这个单位办理更合适。")
    target = Target(organisation_id=organisation_id)
    tickets.transfer(casting.dispatcher(story), story.ticket.id, target, words)
    return True


def ask_decline(story: Story) -> None:
    """Propose not to take it."""
    reasons = ("not_our_duty", "legal_procedure", "concluded", "unclear")
    actor = casting.dispatcher(story)
    words = Words(story.voice.common("declines"))
    tickets.ask_decline(actor, story.ticket.id, story.rng.choice(reasons), words)


def decide(story: Story, *, approved: bool) -> None:
    """Answer what was asked last, as the second person."""
    actor = casting.decider(story)
    text = "情况核实过，同意。" if approved else story.voice.common("rulings")
    tickets.decide(actor, story.ticket.id, approved=approved, words=Words(text))


def merge_into(story: Story, master: Story) -> None:
    """Put it into the other report of the same thing."""
    words = Words(story.voice.common("merges"))
    tickets.merge(casting.dispatcher(story), story.ticket.id, master.ticket.id, words)


def split(story: Story, parts: Sequence[tuple[str, str]]) -> list["Ticket"]:
    """Make own tickets of what was one report."""
    wanted = [Part(category=code, text=text) for code, text in parts]
    return tickets.split(casting.dispatcher(story), story.ticket.id, wanted)


def self_handle(story: Story) -> bool:
    """Let the grid worker solve it on the spot."""
    actor = casting.verifier(story)
    if actor is None:
        return False
    _, text = story.voice.result(_called(actor))
    tickets.self_handle(actor, story.ticket.id, Words(text))
    return True


# The handler


def accept(story: Story) -> None:
    """Take it, out of the pool if it lies there."""
    take = tickets.claim if story.ticket.claimable else tickets.accept
    take(casting.handler(story), story.ticket.id)


def assign(story: Story) -> None:
    """Put it into one person's hands."""
    ticket, actor = story.ticket, casting.manager(story)
    if actor is None or ticket.lead_id is None or ticket.assignee_id is not None:
        return
    hands = story.town.handlers(story.setting.keys[ticket.lead_id])
    wanted = casting.choose(story, hands)
    if wanted is not None and wanted.person_id is not None:
        tickets.assign(actor, ticket.id, wanted.person_id, Words(""))


def ask_return(story: Story) -> None:
    """Send it back as not ours."""
    actor = casting.handler(story)
    reasons = ("not_in_scope", "other_party", "not_public", "wrong_category")
    words = Words(story.voice.returned())
    tickets.ask_return(actor, story.ticket.id, story.rng.choice(reasons), words)


def appoint(story: Story) -> datetime:
    """Promise a visit; tell when it begins."""
    begins = story.at + timedelta(hours=story.rng.randint(2, 26))
    begins = begins.replace(minute=0, second=0, microsecond=0)
    actor = casting.handler(story)
    words = Words(story.voice.common("contacts", _called(actor)))
    tickets.appoint(actor, story.ticket.id, begins, begins + timedelta(hours=2), words)
    return begins


def no_show(story: Story, *, as_resident: bool) -> None:
    """Note that the other side was not there."""
    actor = casting.reporter(story) if as_resident else casting.handler(story)
    text = "等了两个小时没有人来。" if as_resident else "按约上门，家里没有人，留了条子。"
    tickets.no_show(actor, story.ticket.id, Words(text), as_resident=as_resident)


def start(story: Story) -> None:
    """Come, or call."""
    actor = casting.handler(story)
    told = story.chance(0.6) and story.view.urgency != Urgency.P0
    text = story.voice.common("contacts", _called(actor)) if told else ""
    tickets.start(actor, story.ticket.id, Words(text))


def quote(story: Story) -> bool:
    """Offer the repair; tell whether the resident has to agree."""
    return offer(story, story.rng.choices(("paid", "free", "warranty"), weights=(6, 3, 1))[0])


def offer(story: Story, pay: str = "paid") -> bool:
    """Offer the repair for money, free or under warranty; tell whether to wait for a yes."""
    fen = story.rng.choice((3000, 5000, 6000, 8000, 12000, 18000)) if pay == "paid" else 0
    text = {
        "paid": "要换配件，报价含人工，同意后再修。",
        "free": "在免费服务范围内，不收费。",
        "warranty": "还在质保期内，不收费。",
    }[pay]
    tickets.quote(casting.handler(story), story.ticket.id, pay, fen, Words(text))
    return pay == "paid"


def agree(story: Story, *, agreed: bool) -> None:
    """Answer the offer."""
    text = "同意，修吧。" if agreed else "太贵了，我自己想办法。"
    tickets.agree(casting.reporter(story), story.ticket.id, agreed=agreed, words=Words(text))


def progress(story: Story, *, public: bool = True) -> None:
    """Tell how it goes, to the resident or among staff."""
    actor = casting.handler(story)
    worker = _called(actor)
    text = story.voice.progress(worker) if public else story.voice.common("internal", worker)
    tickets.progress(actor, story.ticket.id, Words(text), public=public)


def assist(story: Story) -> str | None:
    """Ask the community to help; tell whom, if it may and does not lead itself."""
    ticket = story.ticket
    if ticket.community_id is None:
        return None
    place = story.setting.keys[ticket.community_id]
    world = story.town.world
    key = next(o.key for o in world.organisations if o.at == place and o.kind == "community")
    organisation_id = story.town.organisations[key]
    taken = {ticket.lead_id} | {UUID(one) for one in ticket.co_ids}
    if organisation_id in taken or organisation_id.hex in ticket.barred:
        return None
    due = story.at + timedelta(days=2)
    words = Words("请社区一起上门做工作。")
    tickets.assist(casting.handler(story), ticket.id, organisation_id, due, words)
    return key


def assist_done(story: Story, organisation: str) -> None:
    """Report the helper's part done."""
    actor = casting.helper(story, organisation)
    if actor is not None:
        tickets.assist_done(actor, story.ticket.id, Words("已和住户谈过，约好一起到场。"))


def resolve(story: Story) -> None:
    """Report the result, with a picture where the category asks for one."""
    ticket, actor = story.ticket, casting.handler(story)
    kind, text = story.voice.result(_called(actor))
    if ticket.quote_state is QuoteState.REFUSED:
        kind, text = ResultKind.CANNOT, "住户没有同意报价，先不修，已说明可以随时再报。"
    shown = []
    if actor.person_id is not None and (ticket.photo_required or story.chance(LATE_PHOTO)):
        shown.append(story.setting.pictures.after(ticket.category_code, actor.person_id))
    tickets.resolve(actor, ticket.id, kind, Words(text, shown))


def _called(actor: Actor) -> str:
    """Call a worker as people do: by family name."""
    return f"{actor.name[:1]}师傅" if actor.name else "师傅"
