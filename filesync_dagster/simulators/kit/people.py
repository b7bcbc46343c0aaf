"""Who was given access to what, and to everything below it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar


@dataclass(slots=True)
class AccessGrant:
    """Access of somebody to an entry and what is below it: by a role, or by the single `actions` that it allows."""

    id: str
    role: str
    type: str = "user"
    email: str | None = None
    domain: str | None = None
    since: int = 0
    name: str | None = None  # of a company, a group or a role, which have no address
    actions: tuple[str, ...] = ()


class Shareable(Protocol):
    """What access can be given to."""

    grants: dict[str, AccessGrant] | None

    def above(self) -> Iterator[Self]:
        """Yield this entry and everything that it lies in, the nearest first."""
        ...


E = TypeVar("E", bound=Shareable)


def person_id(email: str) -> str:
    """Return the id of a person or a group: always the same, so that nothing depends on the order of things."""
    return str(int.from_bytes(hashlib.sha256(email.encode()).digest()[:8], "big")).rjust(20, "1")


def person_name(email: str) -> str:
    """Return what somebody is called.

    >>> person_name("ada.brandt@example.com")
    'Ada Brandt'
    """
    return email.partition("@")[0].replace(".", " ").title()


def grant_to(who: str, role: str, now: int) -> AccessGrant:
    """Return access for somebody: an address, a domain, or "anyone"."""
    number = person_id(who)
    if who == "anyone":
        return AccessGrant("anyoneWithLink", role, "anyone", since=now)
    if "@" not in who:
        return AccessGrant(f"{number}k", role, "domain", domain=who, since=now)
    return AccessGrant(number, role, "user", who, since=now)


def inherited_grants(entry: E) -> Iterator[tuple[AccessGrant, E]]:
    """Yield who was given access to an entry, and where: on itself or above it, the nearest first."""
    known = set()
    for above in entry.above():
        for grant in (above.grants or {}).values():
            if grant.id not in known:
                known.add(grant.id)
                yield grant, above
