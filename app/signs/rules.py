"""What holds of sheets whatever the database says: bounds, sizes, keys, reasons, words."""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

MOST_SIGNS = 500
BATCH = 20
TRIES = 3
"""How often WeChat is asked anew for a batch before its signs go without."""
PUSH_AGAIN = timedelta(minutes=10)
"""A sheet that has not got on for so long is handed out again when somebody asks."""
KEPT = timedelta(days=30)
LINK_SECONDS = 600

PAGE = "pages/report/report"
"""What the mini-program opens; it reads ``s=<scene>``."""


class SignState(StrEnum):
    """How far a sign has come."""

    WAITING = "waiting"
    CODED = "coded"
    PLAIN = "plain"


class SheetFile(StrEnum):
    """What a sheet can be fetched as."""

    A4_PDF = "a4.pdf"
    A6_PDF = "a6.pdf"
    A4_PNG = "a4.png"
    A6_PNG = "a6.png"

    @property
    def size(self) -> str:
        """Name the paper."""
        return self.value[:2]

    @property
    def is_picture(self) -> bool:
        """Tell whether it is one picture; only a sheet of one sign has it."""
        return self.value.endswith("png")

    @property
    def content_type(self) -> str:
        """Name the type for whoever fetches it."""
        return "image/png" if self.is_picture else "application/pdf"


SIZES = ("a4", "a6")
FORMATS = ("pdf", "png")

REASONS = {
    "damaged": "损坏、褪色",
    "lost": "丢失、被撕",
    "tampered": "被人替换或冒用",
    "misplaced": "贴错地方",
    "renamed": "地址或设施改名",
    "not_needed": "不再需要",
}
"""Why a sign is renewed or taken out of use; the code is written down."""

WITHOUT = {
    "not_set_up": "还没有接入微信小程序",
    "busy": "微信暂时没有回应",
    "quota_reached": "今天向微信要的码已到上限",
    "bad_picture": "微信给的图片打不开",
}


def note(total: int, reasons: dict[str, int]) -> str:
    """Say in words how many signs have no mini-program code and why; empty if all have."""
    count = sum(reasons.values())
    if not count:
        return ""
    why = "、".join(dict.fromkeys(WITHOUT.get(one, "微信没有给码") for one in sorted(reasons)))
    return (
        f"{total} 张牌子里有 {count} 张没有小程序码（{why}），只印了网页二维码，照样能用；"
        "以后可以重新生成。"
    )


def batches(total: int) -> Iterator[tuple[int, int]]:
    """Cut positions 0 to ``total`` into (first, last) of a batch each."""
    for first in range(0, total, BATCH):
        yield first, min(first + BATCH, total) - 1


def code_key(appid: str, version: str, scene: str) -> str:
    """Name the stored bits of a code; another mini-program or version has other codes."""
    return f"signs/codes/{appid}-{version}/{scene}.bits"


def file_key(job_id: UUID, file: SheetFile) -> str:
    """Name a stored sheet."""
    return f"signs/sheets/{job_id.hex}-{file.value}"


def link_payload(job_id: UUID, file: SheetFile, viewer_id: UUID) -> list[str]:
    """Lay out what a link's token says."""
    return [job_id.hex, file.value, viewer_id.hex]


def read_link(payload: object) -> tuple[UUID, SheetFile, UUID] | None:
    """Read what :func:`link_payload` laid out, or None."""
    match payload:
        case [str(job), str(file), str(viewer)] if file in list(SheetFile):
            return UUID(job), SheetFile(file), UUID(viewer)
    return None
