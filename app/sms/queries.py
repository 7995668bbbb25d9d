"""Read what the demo kept instead of sending."""

from collections.abc import Sequence

from sqlalchemy import select

from app.kernel import marks
from app.kernel.db import session
from app.sms.models import DemoSms

SHOWN = 50


def kept(limit: int = SHOWN) -> Sequence[DemoSms]:
    """List the last texts of a demo, the newest first; of no other database any."""
    if not marks.demo_marked():
        return ()
    return session.scalars(select(DemoSms).order_by(DemoSms.id.desc()).limit(limit)).all()
