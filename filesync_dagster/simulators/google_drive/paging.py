"""Page tokens: opaque to a client, a position to us."""

import base64
import binascii
import zlib
from dataclasses import dataclass

from filesync_dagster.simulators.google_drive.problems import invalid


@dataclass(frozen=True)
class PagePosition:
    """Where a listing goes on: `position` in an order, of the listing that `question` was put to.

    `turn` sets tokens of one position apart, after an empty page.
    """

    question: str
    position: int = 0
    turn: int = 0

    def token(self) -> str:
        """Return the token of this page."""
        text = f"{zlib.crc32(self.question.encode())}.{self.position}.{self.turn}"
        return "~!!~" + base64.urlsafe_b64encode(text.encode()).decode()


def page_of(token: str, question: str) -> PagePosition:
    """Return the page of a token; refuse one of another question, or of none."""
    if not token:
        return PagePosition(question)
    try:
        known, position, turn = base64.urlsafe_b64decode(token.removeprefix("~!!~")).decode().split(".")
    except (binascii.Error, ValueError):
        raise invalid("pageToken") from None
    if known != str(zlib.crc32(question.encode())):
        raise invalid("pageToken")
    return PagePosition(question, int(position), int(turn))
