"""Which ways out an installation has, from its settings."""

from app.notifications.channels import Channel, Outfit
from app.notifications.channels.robot import Robot
from app.notifications.channels.texts import SmsChannel
from app.notifications.channels.wechat import WechatChannel
from app.notifications.channels.wecom import WecomChannel
from app.notifications.rules.ways import Way
from config import DEMO, Settings


def for_settings(settings: Settings) -> Outfit:
    """Choose the channels of an installation; a demo has texts, which it keeps for a page."""
    ways: dict[Way, Channel] = {}
    if settings.wechat:
        ways[Way.WECHAT] = WechatChannel()
    if settings.wecom:
        ways[Way.WECOM] = WecomChannel(settings.wecom, settings.public_url)
    if settings.sms or settings.env == DEMO:
        ways[Way.SMS] = SmsChannel()
    wechat = settings.wechat
    return Outfit(
        ways=ways,
        appid=wechat.appid if wechat else "",
        pushed=bool(wechat and wechat.push_token and wechat.push_key),
        group=Robot(settings.wecom_robot_url) if settings.wecom_robot_url else None,
    )
