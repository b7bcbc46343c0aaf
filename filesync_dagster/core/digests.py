"""Hashes of whole contents by name: those that Python has, and those that stores compute in a way of their own."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol

PLAIN: Final = ("md5", "sha1", "sha256")
"""Hashes that Python has, and that stores tell."""


class Digest(Protocol):
    """A hash of what it has taken so far."""

    @property
    def digest_size(self) -> int:
        """How many bytes it has."""
        ...

    def update(self, block: bytes | memoryview, /) -> None:
        """Take more."""
        ...

    def hexdigest(self) -> str:
        """Return it in hexadecimal digits."""
        ...


class DropboxDigest:
    """SHA-256 of the SHA-256 of each 4 MiB of a content, as Dropbox tells it (`content_hash`).

    >>> DropboxDigest().hexdigest()[:16]
    'e3b0c44298fc1c14'
    """

    digest_size = 32
    BLOCK_BYTES: Final = 4 << 20

    def __init__(self) -> None:
        self._blocks = hashlib.sha256()
        self._block = hashlib.sha256()
        self._taken = 0  # of the block

    def update(self, block: bytes | memoryview, /) -> None:
        """Take more."""
        view = memoryview(block)
        while view:
            some = view[: self.BLOCK_BYTES - self._taken]
            self._block.update(some)
            self._taken += len(some)
            view = view[len(some) :]
            if self._taken == self.BLOCK_BYTES:
                self._blocks.update(self._block.digest())
                self._block, self._taken = hashlib.sha256(), 0

    def hexdigest(self) -> str:
        """Return it in hexadecimal digits."""
        blocks = self._blocks.copy()
        if self._taken:
            blocks.update(self._block.digest())
        return blocks.hexdigest()


class QuickXorDigest:
    """Each byte put in 11 bits further, round a circle of 160 bits, and the length; as Microsoft's stores tell it.

    >>> digest = QuickXorDigest()
    >>> digest.update(b"hello world")
    >>> digest.hexdigest()
    '6828031bd8f00610dce10d726b03190000000000'
    """

    digest_size = 20
    CIRCLE_BITS: Final = 160  # so many bytes further the circle begins anew: 11 and 160 share no factor
    SHIFT_BITS: Final = 11

    def __init__(self) -> None:
        self._period = 0  # the bytes that fall on the same place, put together
        self._length = 0

    def update(self, block: bytes | memoryview, /) -> None:
        """Take more."""
        behind = bytes(self._length % self.CIRCLE_BITS)
        self._length += len(block)
        self._period ^= self._fold(behind + bytes(block))

    def hexdigest(self) -> str:
        """Return it in hexadecimal digits."""
        circle = 0
        for index, byte in enumerate(self._period.to_bytes(self.CIRCLE_BITS, "little")):
            circle ^= byte << (index * self.SHIFT_BITS) % self.CIRCLE_BITS
        circle = (circle & ((1 << self.CIRCLE_BITS) - 1)) ^ (circle >> self.CIRCLE_BITS)
        return (circle ^ (self._length << 96)).to_bytes(self.digest_size, "little").hex()

    def _fold(self, block: bytes) -> int:
        """Return the periods of a block put together. One half onto the other: Python's long numbers are fast."""
        folded, periods = int.from_bytes(block, "little"), -(-len(block) // self.CIRCLE_BITS)
        while periods > 1:
            periods = (periods + 1) // 2
            bits = periods * self.CIRCLE_BITS * 8
            folded = (folded & ((1 << bits) - 1)) ^ (folded >> bits)
        return folded


OF_STORES: Final[Mapping[str, Callable[[], Digest]]] = {"dropbox": DropboxDigest, "quickxor": QuickXorDigest}
IN_BASE64: Final = frozenset({"quickxor"})
"""Those that their store tells in Base64; the others are told in hexadecimal digits."""


def new_digest(algorithm: str) -> Digest:
    """Return a digest that has taken nothing yet. Raises ValueError for an algorithm that is not known."""
    if algorithm in OF_STORES:
        return OF_STORES[algorithm]()
    return hashlib.new(algorithm, usedforsecurity=False)


def hexdigest_of(algorithm: str, told: str) -> str:
    """Return a hash that a store told in hexadecimal digits; empty if it is none.

    >>> hexdigest_of("quickxor", "aCgDG9jwBhDc4Q1yawMZAAAAAAA="), hexdigest_of("sha1", "AB")
    ('6828031bd8f00610dce10d726b03190000000000', 'ab')
    """
    if algorithm not in IN_BASE64:
        return told.lower()
    try:
        return base64.b64decode(told, validate=True).hex()
    except ValueError:
        return ""


def is_known(algorithm: str) -> bool:
    """Whether contents can be proved by it. A store's others (`etag:`) prove nothing here."""
    return algorithm in PLAIN or algorithm in OF_STORES
