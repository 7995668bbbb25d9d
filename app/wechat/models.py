"""Tables of the bridge: the shared access token, what is paused, which pushes came."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.crypto import Sealed
from app.kernel.db import Model


class WechatToken(Model):
    """The access token all processes use, and who is fetching the next one.

    ``generation`` grows with each token stored: a caller that was refused names
    the one it used, so that many refused callers make one refresh.
    """

    __tablename__ = "wechat_token"

    appid: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[str | None] = mapped_column(Sealed)
    generation: Mapped[int] = mapped_column(default=0)
    renew_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    leased_by: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]


class WechatPause(Model):
    """A call that is not made before ``until``: a quota is used up or something is set up wrong."""

    __tablename__ = "wechat_pause"

    api: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    errcode: Mapped[int]
    rid: Mapped[str]


class WechatPush(Model):
    """A push that was taken; WeChat repeats one that is not answered at once."""

    __tablename__ = "wechat_push"

    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(index=True)
