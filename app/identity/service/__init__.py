"""The verbs of identity.

A package because the subjects change for different reasons: log-ins, people,
grants, organisations, duty, homes. Other rooms see one module.
"""

from app.identity.service.codes import ask_code
from app.identity.service.credentials import change_password, set_password
from app.identity.service.duty import NewShift, end_shift, start_shift
from app.identity.service.dwellings import claim_dwelling, decide_binding, end_binding
from app.identity.service.forgetting import forget, unlink_wechat
from app.identity.service.grants import (
    NewGrant,
    appoint,
    grant,
    join,
    leave,
    revoke_grant,
)
from app.identity.service.invites import NewInvite, accept_invite, invite, revoke_invite
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
from app.identity.service.phones import (
    bind_phone_of_code,
    bind_phone_of_wechat,
    log_in_with_sms,
)
from app.identity.service.sessions import (
    LoggedIn,
    end_session,
    log_out,
    put_on,
    revoke_sessions,
    sweep,
)

__all__ = [
    "LoggedIn",
    "NewGrant",
    "NewInvite",
    "NewOrganisation",
    "NewProject",
    "NewShift",
    "accept_invite",
    "add_person",
    "add_scope",
    "appeal_restriction",
    "appoint",
    "ask_code",
    "authenticate",
    "bind_phone_of_code",
    "bind_phone_of_wechat",
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
    "end_session",
    "end_shift",
    "forget",
    "grant",
    "invite",
    "join",
    "leave",
    "lift_restriction",
    "link_wechat",
    "log_in_with_code",
    "log_in_with_password",
    "log_in_with_sms",
    "log_out",
    "open_organisation",
    "open_project",
    "put_on",
    "reactivate",
    "restrict",
    "revoke_grant",
    "revoke_invite",
    "revoke_sessions",
    "set_fallback_contacts",
    "set_password",
    "start_shift",
    "sweep",
    "unlink_wechat",
]
