"""What people type: passwords, names and phones, and how these are shown to others."""

import re
import unicodedata


def password_faults(password: str, login_name: str) -> str | None:
    """Say in Chinese what is wrong with a new password, or None."""
    if not 10 <= len(password) <= 128:
        return "密码需要 10 到 128 个字符。"
    if not re.search(r"[A-Za-z]", password) or not re.search(r"[0-9]", password):
        return "密码需要同时有字母和数字。"
    if login_name in password.lower():
        return "密码里不要包含账号名。"
    return None


def normal_login_name(text: str) -> str:
    """Bring a log-in name into its one form."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def login_name_is_good(name: str) -> bool:
    """Tell whether a normal log-in name has the agreed form."""
    return re.fullmatch(r"[a-z][a-z0-9._-]{2,39}", name) is not None


def normal_phone(text: str) -> str:
    """Bring a phone number into digits only, without the country code."""
    kept = re.sub(r"[\s()-]", "", unicodedata.normalize("NFKC", text))
    return re.sub(r"^(\+|00)86", "", kept)


def personal_phone_is_good(phone: str) -> bool:
    """Tell whether a normal number is a mobile or a land line with its area code."""
    return re.fullmatch(r"1\d{10}|0\d{9,11}", phone, re.ASCII) is not None


def duty_phone_is_good(phone: str) -> bool:
    """Tell whether a normal number can be rung: also short service numbers."""
    return re.fullmatch(r"\d{3,12}", phone, re.ASCII) is not None


_DOUBLE_SURNAMES = frozenset(
    ("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "令狐", "慕容", "司徒", "夏侯")
)


def masked_name(name: str | None) -> str:
    """Show a person by family name only: ``张**`` (domain.md G7)."""
    if not name:
        return "居民"
    family = name[:2] if len(name) > 2 and name[:2] in _DOUBLE_SURNAMES else name[:1]
    return f"{family}**"


def masked_phone(phone: str | None) -> str:
    """Show the ends of a phone number only: ``138****5678``."""
    if not phone:
        return ""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 10 else "****"


def mobile_is_good(phone: str) -> bool:
    """Tell whether a normal number is a mobile, which can take a text."""
    return re.fullmatch(r"1\d{10}", phone, re.ASCII) is not None
