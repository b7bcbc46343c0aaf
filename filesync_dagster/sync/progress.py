"""What a running sync tells whoever watches it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a sync is."""

    endpoint: str
    phase: str  # listing, confirming, comparing, committing
    files: int  # entries listed so far
    pages: int = 0  # of a listing of everything


def ignore(progress: Progress) -> None:
    """Watch nothing."""
