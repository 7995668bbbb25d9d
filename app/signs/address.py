"""The address that signs lead to; which one, `rooms.furnish` installs."""

from app.kernel.errors import RuleBroken
from config import Settings

_installed: list[str] = []


def for_settings(settings: Settings) -> str:
    """Choose the address of an installation; outside production this machine's will do."""
    here = "" if settings.is_production else f"http://{settings.host}:{settings.port}"
    return settings.public_url or here


def install(public_url: str) -> None:
    """Make ``public_url`` the address of this installation; empty: it has none."""
    _installed[:] = [public_url.rstrip("/")] if public_url else []


def page_of(scene: str) -> str:
    """Write the address that a phone without WeChat opens.

    Raises:
        RuleBroken: this installation has no address (code ``no_public_url``).

    """
    require()
    return f"{_installed[0]}/m/?s={scene}"


def require() -> None:
    """Refuse to make signs that would lead nowhere.

    Raises:
        RuleBroken: code ``no_public_url``.

    """
    if not _installed:
        raise RuleBroken(
            "系统还没有设置对外网址（PUBLIC_URL），不能生成二维码牌。", code="no_public_url"
        )
