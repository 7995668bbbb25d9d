"""What a template's fields take, as WeChat's page on them says (pure)."""

import re
from collections.abc import Callable, Mapping

_HAN = re.compile(r"[\u4e00-\u9fff]")
_DATE = re.compile(r"\d{4}[-/年]\d{1,2}[-/月]\d{1,2}日?")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_MOMENT = re.compile(rf"({_DATE.pattern}\s?)?({_TIME.pattern})")
_DAY = re.compile(rf"({_DATE.pattern})(\s?{_TIME.pattern})?")


def _each(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: all(pattern.fullmatch(part.strip()) for part in text.split("~"))


_TAKES: Mapping[str, Callable[[str], bool]] = {
    "thing": lambda text: len(text) <= 20,
    "number": lambda text: re.fullmatch(r"-?\d{1,32}(\.\d+)?", text) is not None,
    "letter": lambda text: re.fullmatch(r"[A-Za-z]{1,32}", text) is not None,
    "symbol": lambda text: len(text) <= 5,
    "character_string": lambda text: len(text) <= 32 and text.isascii(),
    "time": _each(_MOMENT),
    "date": _each(_DAY),
    "amount": lambda text: re.fullmatch(r"[¥￥$]?\d{1,10}(\.\d+)?元?", text) is not None,
    "phone_number": lambda text: re.fullmatch(r"[\d+() -]{1,17}", text) is not None,
    "car_number": lambda text: len(text) <= 8,
    "name": lambda text: len(text) <= (10 if _HAN.search(text) else 20),
    "phrase": lambda text: re.fullmatch(r"[\u4e00-\u9fff]{1,5}", text) is not None,
}


def wrong_field(schema: Mapping[str, str], data: Mapping[str, object]) -> str | None:
    """Name the first field that WeChat would refuse, in its words, or None."""
    for name in schema:
        given = data.get(name)
        value = given.get("value") if isinstance(given, Mapping) else None
        if not isinstance(value, str) or not value.strip():
            return f"argument invalid! data.{name}.value is emtpy"
        if not takes(name, value):
            return f"argument invalid! data.{name}.value invalid"
    return None


def takes(name: str, value: str) -> bool:
    """Tell whether a field would take a value; of a kind we do not know we know no limit."""
    known = _TAKES.get(name.rstrip("0123456789"))
    return bool(value.strip()) and (known is None or known(value))
