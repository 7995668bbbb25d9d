"""What a demo would have sent: the last texts, so that somebody can read them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.crypto import Sealed
from app.kernel.db import Model
from app.kernel.ids import new_id


class DemoSms(Model):
    """One text that nobody was sent; only a marked demo database has any."""

    __tablename__ = "demo_sms"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime]
    purpose: Mapped[str]
    phone: Mapped[str] = mapped_column(Sealed)
    text: Mapped[str] = mapped_column(Sealed)
