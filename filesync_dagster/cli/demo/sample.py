"""A small construction company's files: drawings, RFIs, contracts, photos; some of them there twice."""

import random
import string
from collections.abc import Iterator

SITES = ("Depot 7", "Pier 12", "Süd", "Tower A")
DISCIPLINES = "AES"
"""Architecture, electrical, structure: the letters that sheets begin with."""
PARTNERS = ("Álvarez", "Brandt", "Chen", "Müller")
YEARS = ("2024", "2025", "2026")

MY_DRIVE, SHARED_DRIVE = "My Drive", "Pier 12"
PLANS, SHARED = "Plans", "Shared"
ARCHIVE, INCOMING = "Archive", "Incoming"

Files = Iterator[tuple[str, str]]


def bucket_files(rng: random.Random) -> Files:
    """Yield the keys and contents of the bucket: drawings and specifications."""
    for site in SITES:
        for letter in DISCIPLINES:
            for sheet in range(101, 113):
                yield f"drawings/{site}/{letter}-{sheet}.dwg", text(rng, 20_000)
            title = text(rng, 4_000)  # the same title block everywhere
            yield f"titles/{site}/{letter}-000.pdf", title
            yield f"drawings/{ARCHIVE}/{site} {letter}-000.pdf", title
        for number in range(1, 9):
            yield f"specs/{site}/sec {number:02d}.docx", text(rng, 9_000)
    yield "README.txt", "Drawings and specifications. Ask before you rename.\n"


def folder_files(rng: random.Random) -> Files:
    """Yield the paths and contents of the local folder: contracts and photos."""
    for partner in PARTNERS:
        for year in YEARS:
            contract = text(rng, 12_000)
            yield f"contracts/{partner}/{year}.pdf", contract
            yield f"signed/{partner}/{year}.pdf", contract
            yield f"offers/{partner}/{year}.docx", text(rng, 6_000)
    for site in SITES:
        for year in YEARS:
            for number in range(1, 10):
                yield f"photos/{year}/{site}-{number:02d}.jpg", text(rng, 30_000)
    for top in ("contracts", "signed", "offers", "photos"):
        yield f"{top}/{ARCHIVE}/2019.zip", text(rng, 40_000)
    yield "contracts/~$lock.docx", "left behind by an editor"


def drive_files(rng: random.Random) -> Files:
    """Yield the files of Google Drive: the office's in My Drive, a site's in a shared drive."""
    for site in SITES:
        yield f"{MY_DRIVE}/Bids/{site}.xlsx", text(rng, 9_000)
        yield f"{MY_DRIVE}/Bids/{site}.pdf", text(rng, 5_000)
    for partner in PARTNERS:
        yield f"{MY_DRIVE}/Contracts/{partner}.pdf", text(rng, 12_000)
    for number in range(1, 13):
        yield f"{SHARED_DRIVE}/RFIs/RFI-{number:03d}.pdf", text(rng, 4_000)
    for number in range(1, 25):
        yield f"{SHARED_DRIVE}/Photos/IMG_{number:03d}.jpg", text(rng, 25_000)
    for folder in (f"{MY_DRIVE}/{ARCHIVE}", f"{SHARED_DRIVE}/{ARCHIVE}", f"{SHARED_DRIVE}/{INCOMING}"):
        yield f"{folder}/2025.zip", text(rng, 40_000)


def project_files(rng: random.Random) -> Files:
    """Yield the files of a project of Autodesk Construction Cloud."""
    for level in range(1, 4):
        for letter in DISCIPLINES:
            for sheet in range(1, 5):
                yield f"{PLANS}/Level {level}/{letter}-{level}{sheet:02d}.pdf", text(rng, 18_000)
        yield f"{SHARED}/Models/Level {level}.rvt", text(rng, 60_000)
    for number in range(1, 11):
        yield f"{SHARED}/RFIs/RFI-{number:03d}.pdf", text(rng, 3_000)
        yield f"{SHARED}/Submittals/SUB-{number:03d}.pdf", text(rng, 6_000)
    for top in (PLANS, SHARED):
        yield f"{top}/{ARCHIVE}/2025.zip", text(rng, 80_000)


def text(rng: random.Random, size: int) -> str:
    """Return contents of about the given size, others at every call."""
    line = "".join(rng.choices(string.ascii_letters, k=63)) + "\n"
    return line * (rng.randint(size // 2, size) // len(line)) + line[: rng.randrange(len(line))]
