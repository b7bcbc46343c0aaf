"""A small engineering company's files: drawings, contracts, photos; a few of them there twice."""

import random
from collections.abc import Iterator

SITES = ("Harbour Bridge", "Clinic Süd", "Depot 7", "Tower A")
DISCIPLINES = {"architecture": "A", "structure": "S", "electrical": "E"}
PARTNERS = ("Álvarez & Sons", "Brückner GmbH", "Chen Steel", "Delta Survey")
YEARS = ("2024", "2025", "2026")

Files = Iterator[tuple[str, bytes]]


def bucket_files(rng: random.Random) -> Files:
    """Yield the keys and contents of the bucket: drawings and specifications."""
    for site in SITES:
        for discipline, letter in DISCIPLINES.items():
            for sheet in range(101, 113):
                yield f"drawings/{site}/{discipline}/{letter}-{sheet}.dwg", blob(rng, 20_000)
            title = blob(rng, 4_000)  # the same title block everywhere
            yield f"drawings/{site}/{discipline}/{letter}-000 title block.pdf", title
            yield f"archive/{site}/{letter}-000 title block.pdf", title
        for number in range(1, 9):
            yield f"specifications/{site}/section {number:02d}.docx", blob(rng, 9_000)
    yield "README.txt", b"Drawings and specifications. Ask before you rename.\n"


def folder_files(rng: random.Random) -> Files:
    """Yield the paths and contents of the local folder: contracts and photos."""
    for partner in PARTNERS:
        for year in YEARS:
            contract = blob(rng, 12_000)
            yield f"contracts/{partner}/{year}/contract {year}.pdf", contract
            yield f"contracts/{partner}/{year}/contract {year} (signed copy).pdf", contract
            yield f"contracts/{partner}/{year}/offer.docx", blob(rng, 6_000)
    for year in YEARS:
        for site in SITES:
            for number in range(1, 10):
                yield f"photos/{year}/{site}/IMG_{year}{number:04d}.jpg", blob(rng, 30_000)
    yield "contracts/~$lock.docx", b"left behind by an editor"


def blob(rng: random.Random, size: int) -> bytes:
    """Return contents of about the given size in bytes."""
    return rng.randbytes(rng.randint(size // 2, size))
