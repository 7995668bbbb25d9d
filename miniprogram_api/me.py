"""Who I am, and where I live."""

from typing import Any
from uuid import UUID

from marshmallow import fields

from app.identity import queries as identity
from app.identity.rules import masked_phone
from app.kernel.actor import Actor
from app.kernel.http import SIGNED_IN, Blueprint, View, current
from app.territory import queries as territory
from miniprogram_api.entrance import authenticate

bp = Blueprint("me", __name__, url_prefix="/me", authenticate=authenticate)


class PersonView(View):
    """A person, to themselves."""

    id = fields.UUID(required=True)
    name = fields.String(allow_none=True)
    work_number = fields.String(allow_none=True)


class HomeCard(View):
    """A dwelling one claimed, with the scene its QR code carries."""

    place_id = fields.UUID(required=True)
    label = fields.String(required=True)
    kind = fields.String(required=True)
    status = fields.String(required=True)
    scene = fields.String(allow_none=True)


class RoleView(View):
    """One role, and where it holds."""

    role = fields.String(required=True)
    level = fields.String(allow_none=True)
    node_id = fields.UUID(allow_none=True)
    organisation = fields.String(allow_none=True)


class HatView(View):
    """A role one may put on, with where it holds."""

    key = fields.String(required=True)
    role = fields.String(required=True)
    level = fields.String(allow_none=True)
    organisation = fields.String(allow_none=True)
    place = fields.String(allow_none=True)


class Me(View):
    """Everything the first screen needs; ``hat`` is what is put on, null for all at once."""

    person = fields.Nested(PersonView, required=True)
    phone = fields.String(allow_none=True, required=True)
    phone_proven = fields.Boolean(required=True)
    hat = fields.String(allow_none=True, required=True)
    hats = fields.List(fields.Nested(HatView), required=True)
    roles = fields.List(fields.String(), required=True)
    grants = fields.List(fields.Nested(RoleView), required=True)
    dwellings = fields.List(fields.Nested(HomeCard), required=True)


def card_of(actor: Actor) -> dict[str, Any]:
    """Show a person to themselves."""
    assert actor.person_id is not None  # noqa: S101  (signed in)
    person = identity.people([actor.person_id])[actor.person_id]
    return {"id": person.id, "name": person.name or None, "work_number": person.work_number}


@bp.route("", access=SIGNED_IN)
@bp.response(200, Me)
def me() -> dict[str, Any]:
    """Read who I am, my roles and my dwellings."""
    actor = current()
    assert actor.person_id is not None  # noqa: S101  (SIGNED_IN)
    homes = identity.homes(actor.person_id)
    scenes = territory.scene_of([home.place_id for home in homes])
    own = identity.people([actor.person_id])[actor.person_id]
    return {
        "person": card_of(actor),
        "phone": masked_phone(own.phone) or None,
        "phone_proven": own.is_phone_proven,
        "hat": identity.hat_on(actor.session_id) if actor.session_id else None,
        "hats": _hats(actor.person_id),
        "roles": actor.roles,
        "grants": [
            {
                "role": grant.role,
                "level": grant.level,
                "node_id": grant.node_id,
                "organisation": _name(grant.organisation_id),
            }
            for grant in actor.grants
        ],
        "dwellings": [
            {
                "place_id": home.place_id,
                "label": home.label,
                "kind": home.kind,
                "status": home.status,
                "scene": scenes.get(home.place_id),
            }
            for home in homes
        ],
    }


def _name(organisation_id: Any) -> str | None:
    organisation = identity.organisation(organisation_id) if organisation_id else None
    return organisation.name if organisation else None


def _hats(person_id: UUID) -> list[dict[str, Any]]:
    hats = identity.hats_of(person_id)
    names = territory.node_names([hat.node_id for hat in hats if hat.node_id])
    return [
        {
            "key": hat.key,
            "role": hat.role,
            "level": hat.level,
            "organisation": _name(hat.organisation_id),
            "place": names.get(hat.node_id) if hat.node_id else None,
        }
        for hat in hats
    ]
