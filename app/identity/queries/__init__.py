"""Reading people, organisations and who acts.

A package because the three are read for different reasons: on every request,
on every routing decision, and on desks.
"""

from app.identity.queries.actors import (
    Identified,
    actor_of,
    actor_of_token,
    identify,
)
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
from app.identity.queries.persons import (
    HomeView,
    PendingBinding,
    PersonView,
    has_persons,
    homes,
    is_verified_at,
    pending_bindings,
    people,
    person,
    restricted_until,
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
    "HomeView",
    "Identified",
    "OrganisationView",
    "PendingBinding",
    "PersonView",
    "Readiness",
    "actor_of",
    "actor_of_token",
    "committee_of",
    "desk_of",
    "fallback_contacts",
    "firms_serving",
    "handlers_of",
    "has_persons",
    "holders_of",
    "homes",
    "identify",
    "is_verified_at",
    "known_organisation",
    "on_duty",
    "organisation",
    "organisation_names",
    "pending_bindings",
    "people",
    "people_of",
    "person",
    "projects",
    "readiness",
    "restricted_until",
]
