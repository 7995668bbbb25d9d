"""Reading people, organisations and who acts.

A package because the three are read for different reasons: on every request,
on every routing decision, and on desks.
"""

from app.identity.queries.actors import (
    Hat,
    Identified,
    actor_of,
    actor_of_token,
    hat_on,
    hats_of,
    identify,
)
from app.identity.queries.invites import InviteView
from app.identity.queries.invites import page_of as invites_of
from app.identity.queries.organisations import (
    Readiness,
    committee_of,
    desk_of,
    fallback_contacts,
    firms_serving,
    known_organisation,
    organisation,
    organisation_names,
    projects,
    readiness,
)
from app.identity.queries.own import personal
from app.identity.queries.persons import (
    HomeView,
    PendingBinding,
    PersonView,
    SessionView,
    has_persons,
    homes,
    is_verified_at,
    pending_bindings,
    people,
    person,
    restricted_until,
    sessions_of,
)
from app.identity.queries.staff import (
    DutyView,
    handlers_of,
    holders_of,
    on_duty,
    people_of,
)
from app.identity.serving import ContactView, FirmView, OrganisationView

__all__ = [
    "ContactView",
    "DutyView",
    "FirmView",
    "Hat",
    "HomeView",
    "Identified",
    "InviteView",
    "OrganisationView",
    "PendingBinding",
    "PersonView",
    "Readiness",
    "SessionView",
    "actor_of",
    "actor_of_token",
    "committee_of",
    "desk_of",
    "fallback_contacts",
    "firms_serving",
    "handlers_of",
    "has_persons",
    "hat_on",
    "hats_of",
    "holders_of",
    "homes",
    "identify",
    "invites_of",
    "is_verified_at",
    "known_organisation",
    "on_duty",
    "organisation",
    "organisation_names",
    "pending_bindings",
    "people",
    "people_of",
    "person",
    "personal",
    "projects",
    "readiness",
    "restricted_until",
    "sessions_of",
]
