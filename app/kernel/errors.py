"""The handful of ways a request can fail.

Each error carries a stable ``code`` (snake_case, never reworded) for programs
and a plain Chinese ``detail`` for people. ``errors`` maps a field's path to its
complaints; ``retry_after`` is in seconds; ``extra`` goes into the answer as is.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class SandanError(Exception):
    """Base of every refusal that a person may read."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "出错了"
    default_code: ClassVar[str] = "error"
    default_detail: ClassVar[str] = "系统出了点问题，请稍后再试。"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str = "",
        errors: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.code = code or self.default_code
        self.detail = detail or self.default_detail
        self.errors = dict(errors or {})
        self.retry_after = retry_after
        self.extra = dict(extra or {})
        super().__init__(f"{self.code}: {self.detail}")


class Unauthenticated(SandanError):
    """Nobody knows who is asking."""

    status, title, default_code = 401, "请先登录", "unauthenticated"
    default_detail = "登录已失效，请重新登录。"


class Forbidden(SandanError):
    """Known, and not allowed."""

    status, title, default_code = 403, "没有权限", "forbidden"
    default_detail = "您没有权限做这件事。"


class NotFound(SandanError):
    """Not there, or not yours to know of."""

    status, title, default_code = 404, "没有找到", "not_found"
    default_detail = "没有找到，可能已删除或不属于您。"


class Conflict(SandanError):
    """Somebody was faster, or it has moved on."""

    status, title, default_code = 409, "情况已变化", "conflict"
    default_detail = "情况已变化，请刷新后再看。"


class Invalid(SandanError):
    """The input is wrong; ``errors`` says where."""

    status, title, default_code = 422, "填写有误", "invalid"
    default_detail = "有内容填写不对，请检查后再提交。"


class RuleBroken(SandanError):
    """The input is fine, a rule of the field forbids the act."""

    status, title, default_code = 422, "不符合规定", "rule_broken"
    default_detail = "按规定现在不能这样做。"


class TooLarge(SandanError):
    """More bytes, pixels or seconds than are taken."""

    status, title, default_code = 413, "内容太大", "too_large"
    default_detail = "内容太大，请减小后再试。"


class Unsupported(SandanError):
    """A kind of file or body that is not taken."""

    status, title, default_code = 415, "格式不支持", "unsupported"
    default_detail = "不支持这种格式。"


class TooMany(SandanError):
    """Too often; ``retry_after`` says when again."""

    status, title, default_code = 429, "操作太频繁", "too_many"
    default_detail = "操作太频繁，请稍后再试。"


class Unavailable(SandanError):
    """Something we need is down; nothing was lost."""

    status, title, default_code = 503, "服务暂不可用", "unavailable"
    default_detail = "服务暂时不可用，请稍后再试。"
