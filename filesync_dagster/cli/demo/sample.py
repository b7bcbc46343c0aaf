"""A small construction company's files: drawings, RFIs, contracts, photos; some of them there twice."""

import random
import string
from collections.abc import Iterator, Sequence

SITES = ("Depot 7", "Pier 12", "Süd", "Tower A")
DISCIPLINES = "AES"
"""Architecture, electrical, structure: the letters that sheets begin with."""
PARTNERS = ("Álvarez", "Brandt", "Chen", "Müller")
YEARS = ("2024", "2025", "2026")

MY_DRIVE, SHARED_DRIVE = "My Drive", "Pier 12"
PLANS, SHARED = "Plans", "Shared"
ARCHIVE, INCOMING = "Archive", "Incoming"
DOCUMENTS, TENDERS = "Documents", "Tenders"

SAFETY_PLAN = f"{ARCHIVE}/Safety plan.pdf"
"""What every store has somewhere, where nobody touches it: one question to all stores finds it."""
RULES = "Wear a helmet. Ask before you dig.\n" * 60
OLD_RULES = "Wear a helmet.\n" * 60

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
    yield f"specs/{SAFETY_PLAN}", RULES
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
    yield f"contracts/{SAFETY_PLAN}", OLD_RULES
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
    yield f"{SHARED_DRIVE}/{SAFETY_PLAN}", RULES


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
    yield f"{SHARED}/{SAFETY_PLAN}", RULES


def site_files(rng: random.Random) -> Files:
    """Yield the files of a site of SharePoint, in its two libraries."""
    yield from _files(rng, f"{DOCUMENTS}/Minutes", SITES, [f"Week {week}.docx" for week in range(1, 4)])
    yield from _files(rng, TENDERS, PARTNERS, ["Offer.pdf", "Bill of quantities.xlsx"])
    yield f"{DOCUMENTS}/{SAFETY_PLAN}", RULES


def one_drive_files(rng: random.Random) -> Files:
    """Yield the files of an engineer's OneDrive."""
    yield from _files(rng, "Notes", SITES, ["Inspection.docx", "Questions.docx"])
    yield from _files(rng, "Drafts", YEARS, ["Letter.docx", "Report.docx", "Estimate.xlsx"])
    yield f"Drafts/{SAFETY_PLAN}", OLD_RULES


def dropbox_files(rng: random.Random) -> Files:
    """Yield the files of a Dropbox: what photographers send."""
    yield from _files(rng, "Photos", SITES, [f"IMG_{number:04d}.jpg" for number in range(1, 6)])
    yield f"Photos/{SAFETY_PLAN}", RULES


def box_files(rng: random.Random) -> Files:
    """Yield the files of a Box: what clients get to see."""
    yield from _files(rng, "Clients", PARTNERS, ["Contract.pdf", "Invoice.pdf", "Plan.dwg", "Schedule.xlsx"])
    yield f"Clients/{SAFETY_PLAN}", RULES


def scan_files(rng: random.Random) -> Files:
    """Yield the names and contents of a bucket of laser scans."""
    yield from _files(rng, "scans", SITES, [f"station {number:02d}.e57" for number in range(1, 5)])
    yield f"scans/{SAFETY_PLAN}", RULES


def model_files(rng: random.Random) -> Files:
    """Yield the names and contents of a container of models."""
    yield from _files(rng, "models", SITES, ["architecture.ifc", "structure.ifc", "services.ifc", "terrain.xml"])
    yield f"models/{SAFETY_PLAN}", OLD_RULES


def _files(rng: random.Random, top: str, folders: Sequence[str], names: Sequence[str]) -> Files:
    for folder in folders:
        for name in names:
            yield f"{top}/{folder}/{name}", text(rng, 5_000)


def text(rng: random.Random, size: int) -> str:
    """Return contents of about the given size, others at every call."""
    line = "".join(rng.choices(string.ascii_letters, k=63)) + "\n"
    return line * (rng.randint(size // 2, size) // len(line)) + line[: rng.randrange(len(line))]
