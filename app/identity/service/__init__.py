"""The verbs of identity.

A package because the subjects change for different reasons: log-ins, people,
grants, organisations, duty, homes. Other rooms see one module.
"""

from app.identity.service.credentials import change_password, set_password
from app.identity.service.duty import NewShift, end_shift, start_shift
from app.identity.service.dwellings import claim_dwelling, decide_binding, end_binding
from app.identity.service.grants import (
    NewGrant,
    appoint,
    grant,
    join,
    leave,
    revoke_grant,
)
from app.identity.service.logins import (
    authenticate,
    log_in_with_code,
    log_in_with_password,
)
from app.identity.service.organisations import (
    NewOrganisation,
    NewProject,
    add_scope,
    change_duty_phone,
    close_organisation,
    close_project,
    end_scope,
    open_organisation,
    open_project,
    set_fallback_contacts,
)
from app.identity.service.people import (
    add_person,
    appeal_restriction,
    change_own_contact,
    deactivate,
    lift_restriction,
    link_wechat,
    reactivate,
    restrict,
)
from app.identity.service.sessions import LoggedIn, log_out, revoke_sessions, sweep

__all__ = [
    "LoggedIn",
    "NewGrant",
    "NewOrganisation",
    "NewProject",
    "NewShift",
    "add_person",
    "add_scope",
    "appeal_restriction",
    "appoint",
    "authenticate",
    "change_duty_phone",
    "change_own_contact",
    "change_password",
    "claim_dwelling",
    "close_organisation",
    "close_project",
    "deactivate",
    "decide_binding",
    "end_binding",
    "end_scope",
    "end_shift",
    "grant",
    "join",
    "leave",
    "lift_restriction",
    "link_wechat",
    "log_in_with_code",
    "log_in_with_password",
    "log_out",
    "open_organisation",
    "open_project",
    "reactivate",
    "restrict",
    "revoke_grant",
    "revoke_sessions",
    "set_fallback_contacts",
    "set_password",
    "start_shift",
    "sweep",
]
