"""Password hashes (argon2id); slow on purpose, so never called inside a transaction."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.kernel.work import in_unit

LONGEST = 128

# OWASP's smaller argon2id setting: four log-ins at once stay under 80 MB.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$1pMSdA5HP8wI6lmzgVn"
    "Utg$FcsbTFi+69UJL3JVPXrpVEbREcNB9pgZZd/mfDkjeaI"
)
"""The hash of a password nobody knows: an unknown name costs as long as a known one."""


def make_hash(password: str) -> str:
    """Hash a new password."""
    _refuse_in_unit()
    return _hasher.hash(password)


def verify(known: str | None, password: str) -> bool:
    """Tell whether ``password`` is the one behind ``known``; as slow for None."""
    _refuse_in_unit()
    fits = known is not None and len(password) <= LONGEST
    try:
        _hasher.verify(known if known is not None and fits else NOBODY, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return fits


def is_outdated(known: str) -> bool:
    """Tell whether a hash was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(known)


def _refuse_in_unit() -> None:
    if in_unit():
        raise RuntimeError("no password hash inside a unit of work")
