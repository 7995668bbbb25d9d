"""The inside of a decoding child: its limits and the way it answers.

A stranger's bytes meet a C decoder only here, in a process that lives for one
file, holds no secret and no connection, and is bounded by the kernel. Nothing
in this file or in `photos` and `voices` may import the rest of the house: the
child must start in a few hundredths of a second and know nothing worth taking.

In: one line (the sniffed format), then the file until the end of input.
Out: one line of JSON, then the variants one after the other.
"""

import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 5
OPEN_FILES = 32

BROKEN = "broken"
TOO_BIG = "too_big"


class Refused(Exception):
    """The file is not taken; the argument is a short code for the parent."""


@dataclass(frozen=True, slots=True)
class Repainted:
    """What a child made: variants by name, and width, height or seconds."""

    variants: Mapping[str, bytes]
    facts: Mapping[str, float]


def serve(repaint: Callable[[str, bytes], Repainted]) -> None:
    """Repaint the one file on standard input and answer on standard output."""
    limit()
    source = sys.stdin.buffer
    file_format = source.readline().decode("ascii").strip()
    data = source.read()
    if not file_format:
        return
    try:
        answer(repaint(file_format, data))
    except Refused as refusal:
        refuse(str(refusal))
    except MemoryError:
        refuse(TOO_BIG)
    except Exception:
        # Whatever a decoder trips over, the file is at fault; its bytes stay out of any log.
        refuse(BROKEN)


def limit() -> None:
    """Give up, for the rest of this process, what decoding one file does not need."""
    bounds = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, bound in bounds.items():
        try:
            resource.setrlimit(kind, (bound, bound))
        except (ValueError, OSError):
            # macOS refuses some of these; it is a place to develop, never to serve.
            if sys.platform == "linux":
                raise


def answer(made: Repainted) -> None:
    """Write the variants."""
    head = {
        "facts": dict(made.facts),
        "variants": [[name, len(data)] for name, data in made.variants.items()],
    }
    _write(head, b"".join(made.variants.values()))


def refuse(code: str) -> None:
    """Write a refusal."""
    _write({"refused": code}, b"")


def _write(head: Mapping[str, object], body: bytes) -> None:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body)
    sys.stdout.buffer.flush()
    # Leave at once: no destructor of a half-read decoder gets to run.
    os._exit(0)
