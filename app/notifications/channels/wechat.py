"""Subscription messages of the mini-program: one for each time the person allowed one."""

from datetime import timedelta

from app.kernel import clock
from app.notifications.channels import Parcel, Reach
from app.notifications.rules.settling import Outcome, Result
from app.wechat import errors, gateway
from app.wechat.gateway import SubscribeMessage

MEND_WITHIN = timedelta(minutes=10)
"""With wrong keys nothing works for anybody: so long nobody asks again."""


class WechatChannel:
    """Speak through the WeChat gateway."""

    def reaches(self, reach: Reach) -> bool:
        """Tell whether the person ever logged in through the mini-program."""
        return bool(reach.openid)

    def send(self, parcel: Parcel) -> Outcome:
        """Send one message and tell what came of it."""
        message = SubscribeMessage(
            openid=parcel.reach.openid,
            template_id=parcel.template_id,
            data=parcel.data,
            page=parcel.page,
        )
        try:
            sent = gateway.send_subscribe(message)
        except errors.WechatFault as fault:
            return outcome_of(fault)
        return Outcome(Result.SENT, msgid=sent.msgid)


def outcome_of(fault: errors.WechatFault) -> Outcome:
    """Read a fault of WeChat's by what is to be done about it."""
    name = type(fault).__name__
    if isinstance(fault, errors.Busy):
        return Outcome(Result.AGAIN, name, maybe_sent=fault.maybe_done)
    if isinstance(fault, errors.QuotaReached):
        return Outcome(Result.LATER, name, until=fault.until)
    if isinstance(fault, errors.TokenRefused | errors.Misconfigured):
        return Outcome(Result.AGAIN, name, until=clock.now() + MEND_WITHIN)
    if isinstance(fault, errors.NoGrant):
        return Outcome(Result.REFUSED, name, no_grant=True)
    if isinstance(fault, errors.UnknownOpenid):
        return Outcome(Result.REFUSED, name)
    return Outcome(Result.BROKEN, name)
