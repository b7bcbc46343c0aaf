"""People who do not exist, and texts that nobody wrote: by Faker, from the seed of the place."""

import re
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.synthetic.books import Codes
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.values import ArrowArray

POOL_COUNT = 1_000
SEED_LIMIT = 2**31
WORD_COUNT = 400

METHODS: dict[str, str | None] = {
    "email": "safe_email",
    "phone": "phone_number",
    "iban": "iban",
    "card": "credit_card_number",
    "credit_card": "credit_card_number",
    "ip": "ipv4",
    "url": "url",
    "uuid": "uuid4",
    "first_name": "first_name",
    "last_name": "last_name",
    "full_name": "name",
    "name": "name",
    "street": "street_address",
    "address": "address",
    "city": "city",
    "postcode": "postcode",
    "postal_code": "postcode",
    "country": "country",
    "company": "company",
    "national_id": "ssn",
    **dict.fromkeys(("job", "user_name", "state", "domain_name", "file_name", "mac_address", "user_agent", "swift")),
    **dict.fromkeys(("license_plate", "country_code")),
}
PLACES = frozenset({"city", "country", "company", "postcode", "postal_code"})
"""What may be a category as well: where most values repeat, it is modelled and not made."""


_OF_A_PLACE = ("city", "postcode", "country")
_KINDS_OF_PLACES = {"city": "city", "postcode": "postcode", "postal_code": "postcode", "country": "country"}


@lru_cache(maxsize=8)
def places_of(locale: str) -> tuple[tuple[str, str, str], ...]:
    """Return places of a locale, always the same: cities that differ, each with its postcode and the country."""
    faker = import_from_extra("faker", "tables", "Synthetic people").Faker(locale)
    faker.seed_instance(zlib.crc32(locale.encode()) % SEED_LIMIT)
    try:
        country = str(faker.current_country())
    except (AttributeError, ValueError):  # a language without a country
        country = str(faker.country())
    cities = dict.fromkeys(str(faker.city()) for _ in range(POOL_COUNT))
    return tuple((city, str(faker.postcode()), country) for city in cities)


def new_faker(locale: str, random: np.random.Generator) -> Any:
    """Return a Faker that the seed of the place decides on."""
    faker = import_from_extra("faker", "tables", "Synthetic people").Faker(locale)
    faker.seed_instance(int(random.integers(SEED_LIMIT)))
    return faker


def letters_of(name: str) -> str:
    """Return a name as an address has it: small letters without marks."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "", plain.lower()) or "x"


@dataclass(frozen=True)
class PersonMaker:
    """Makes values about people; those of one row belong to one person."""

    kind: str
    locale: str
    unique: bool

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return a value for each code that is not NULL."""
        found = self._values(draft, random)
        if self.unique:
            found = [self._alone(value, int(number)) for value, number in zip(found, draft.numbers, strict=True)]
        draft.people[self.kind] = found
        return pa.array([value if code >= 0 else None for value, code in zip(found, drawn, strict=True)], pa.string())

    def _values(self, draft: RowDraft, random: np.random.Generator) -> list[str]:
        people = draft.people
        if self.kind in {"email", "name", "full_name"} and {"first_name", "last_name"} <= set(people):
            pairs = list(zip(people["first_name"], people["last_name"], strict=True))
            if self.kind == "email":
                return [f"{letters_of(first)}.{letters_of(last)}@example.org" for first, last in pairs]
            return [f"{first} {last}" for first, last in pairs]
        if self.kind == "email" and (names := people.get("full_name") or people.get("name")):
            return [f"{'.'.join(letters_of(part) for part in name.split())}@example.org" for name in names]
        if self.kind in _KINDS_OF_PLACES and ("place" in people or self.kind != "country"):
            return self._of_places(draft, random)
        faker = new_faker(self.locale, random)
        method = getattr(faker, METHODS.get(self.kind, "name") or self.kind, faker.name)
        pool = [str(method()).replace("\n", ", ") for _ in range(min(POOL_COUNT, max(draft.rows, 1)))]
        return [pool[i] for i in random.integers(len(pool), size=draft.rows)]

    def _of_places(self, draft: RowDraft, random: np.random.Generator) -> list[str]:
        """Return what the place of each row has: city, postcode and country of a row are of one place."""
        places = places_of(self.locale)
        if "place" not in draft.people:
            draft.people["place"] = [str(i) for i in random.integers(len(places), size=draft.rows)]
        part = _OF_A_PLACE.index(_KINDS_OF_PLACES[self.kind])
        return [places[int(i)][part] for i in draft.people["place"]]

    def _alone(self, value: str, number: int) -> str:
        """Return a value that no other row has."""
        if self.kind == "email":
            local, _, domain = value.partition("@")
            return f"{local}{number + 1}@{domain}"
        return f"{value} {number + 1}"


@dataclass(frozen=True)
class TextMaker:
    """Makes texts of given lengths out of Faker's words: real sentences are never copied."""

    locale: str

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return a text for each length; -1 is NULL."""
        faker = new_faker(self.locale, random)
        words = [str(faker.word()) for _ in range(WORD_COUNT)]
        return pa.array([None if size < 0 else self._text(int(size), words, random) for size in drawn], pa.string())

    @staticmethod
    def _text(size: int, words: list[str], random: np.random.Generator) -> str:
        """Return words of about so many letters, as sentences."""
        picked = [words[i] for i in random.integers(len(words), size=size // 4 + 2)]
        text = " ".join(picked).capitalize()[:size].rstrip()
        return text[:-1] + "." if len(text) > len(words[0]) else text
