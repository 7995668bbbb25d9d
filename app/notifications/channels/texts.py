"""Text messages, for what is urgent and for whoever wants them."""

from app.notifications.channels import Parcel, Reach
from app.notifications.rules.settling import Outcome, Result
from app.sms import gateway
from app.sms.gateway import NotSetUp, SmsFault

NOTICE = "notice"


class SmsChannel:
    """Speak through the SMS gateway."""

    def reaches(self, reach: Reach) -> bool:
        """Tell whether a mobile number is known."""
        return len(reach.phone) == 11 and reach.phone.startswith("1")

    def send(self, parcel: Parcel) -> Outcome:
        """Send one text and tell what came of it."""
        try:
            gateway.send(parcel.reach.phone, parcel.text, purpose=NOTICE)
        except NotSetUp:
            return Outcome(Result.BROKEN, "NotSetUp")
        except SmsFault as fault:
            if fault.final:
                return Outcome(Result.REFUSED, "SmsFault")
            return Outcome(Result.AGAIN, "SmsFault", maybe_sent=fault.maybe_sent)
        return Outcome(Result.SENT)
