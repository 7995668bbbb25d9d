"""Whether words fit what they are to fill: placeholders, field limits, WeChat's template (pure)."""

import string
from collections.abc import Mapping, Sequence

from app.notifications.rules import rendering
from app.notifications.rules.telling import STATE_WORDS, Audience
from app.notifications.rules.wording import Wording
from app.wechat import fields
from app.wechat.answers import Template, schema_of

_OF_TICKET = {
    "category": "楼道照明不亮",
    "place": "桂花苑3幢2单元",
    "number": "1234 5678 9012",
    "state": "待您确认",
    "time": "2026年11月16日 10:00",
}
_OF_WORK = {"open": "12", "due_soon": "3", "overdue": "1", "supervised": "0"}
_FACTS: Mapping[str, Mapping[str, str]] = {
    Audience.STAFF: _OF_WORK,
    Audience.SELF: {"place": "桂花苑3幢2单元"},
    Audience.ACCUSED: {},
}


def faults(one: Wording, known: Mapping[str, Template] | None) -> list[str]:
    """Name all that is wrong with words; ``known``: WeChat's templates by id, if asked."""
    found: list[str] = []
    for words in (one.title, one.text, *one.fields.values()):
        found += _placeholders(words, one)
    if found:
        return list(dict.fromkeys(found))
    found += [fault for name, words in one.fields.items() for fault in _field(name, words, one)]
    if one.template_id and known is not None:
        found += _against(one, known.get(one.template_id))
    return found


def _placeholders(words: str, one: Wording) -> list[str]:
    try:
        unknown = rendering.unknown(words)
    except ValueError:
        return [f"花括号没有成对：{words}"]
    if unknown:
        return [f"不能填写：{'、'.join(unknown)}"]
    empty = sorted(set(_named(words)) - set(_facts(one)))
    return [f"这种通知里没有：{'、'.join(empty)}"] if empty else []


def _field(name: str, words: str, one: Wording) -> list[str]:
    """Check a field with what it would hold; words that are always cut are a mistake."""
    if not rendering.FIELD.fullmatch(name):
        return [f"没有这样的字段：{name}"]
    fixed = rendering.fill(words, {})
    if fixed and rendering.fit(name, fixed) != fixed:
        return [f"{name} 的文字太长，或有这个字段不能用的字：{fixed}"]
    filled = rendering.fit(name, rendering.fill(words, _facts(one)))
    return [] if fields.takes(name, filled) else [f"{name} 不能填成：{filled}"]


def _against(one: Wording, template: Template | None) -> list[str]:
    if template is None:
        return [f"微信公众平台上没有这个模板：{one.template_id}"]
    schema = schema_of(template.content)
    missing = [f"{name}（{label}）" for name, label in schema.items() if name not in one.fields]
    extra = [name for name in one.fields if name not in schema]
    found = [f"模板还要填：{'、'.join(missing)}"] if missing else []
    found += [f"模板里没有：{'、'.join(extra)}"] if extra else []
    if template.is_long_term != one.long_term:
        kind = "长期" if template.is_long_term else "一次性"
        found.append(f"这是{kind}订阅的模板，long_term 填错了")
    for name in one.fields:
        found += _among(name, one, template.choices.get(name, ()))
    return found


def _among(name: str, one: Wording, choices: Sequence[str]) -> list[str]:
    """Check a field that takes chosen values only, in every state a ticket may be in."""
    if not choices:
        return []
    states = STATE_WORDS.values() if "state" in _named(one.fields[name]) else ("",)
    said = {
        rendering.fit(name, rendering.fill(one.fields[name], {**_facts(one), "state": state}))
        for state in states
    }
    wrong = sorted(said - set(choices))
    return [f"{name} 只能填：{'、'.join(choices)}；不能填：{'、'.join(wrong)}"] if wrong else []


def _facts(one: Wording) -> Mapping[str, str]:
    return _FACTS.get(one.audience, _OF_TICKET)


def _named(words: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(words) if name is not None]
