"""Data about people: what their columns are called, and what their values look like. Both have to agree."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from filesync_dagster.tables.profile.identifiers import (
    is_card,
    is_country,
    is_iban,
    is_ip_address,
    is_national_id,
)
from filesync_dagster.tables.profile.values import is_text

MATCH_SHARE = 0.8
SURE_SHARE = 0.95
_OLDEST_YEAR = 1900
_GROWN_UP_YEARS = 10


def _fits(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


_LETTER = r"[^\W\d_]"
_WORD = rf"{_LETTER}[^\W\d_.'\u2019\-]*(?:[.'\u2019\-]{_LETTER}*)*\.?"
_NAME = _fits(rf"{_WORD}(?: {_WORD}){{0,3}}")
_FULL_NAME = _fits(rf"{_WORD},? {_WORD}(?: {_WORD}){{0,4}}")
_PLACE = _fits(rf"{_LETTER}[^\W\d_.'\u2019\-]*(?:[ .'\u2019/()\-]+{_LETTER}*)*")
_PHONE = _fits(r"\+?[\d(][\d\s()./\-]{5,22}(?:\s?(?:x|ext\.?)\s?\d{1,6})?")


def _is_phone(text: str) -> bool:
    digits = sum(letter.isdigit() for letter in text)
    return _PHONE(text) and 6 < digits < 16 and not _fits(r"\d{4}-\d{2}-\d{2}")(text)  # noqa: PLR2004 - E.164 has 15


def _is_street(text: str) -> bool:
    return any(letter.isalpha() for letter in text) and len(text.split()) > 1 and len(text) < 120  # noqa: PLR2004


def _is_name(text: str) -> bool:
    return _NAME(text) and text[0].isupper() and len(text) < 40  # noqa: PLR2004 - letters of one name


def _is_full_name(text: str) -> bool:
    return _FULL_NAME(text) and text[0].isupper() and len(text) < 80  # noqa: PLR2004 - letters of a name


def _is_place(text: str) -> bool:
    return _PLACE(text) and text[0].isupper() and len(text) < 60  # noqa: PLR2004 - letters of a place


def _is_company(text: str) -> bool:
    return any(letter.isalpha() for letter in text) and len(text) < 100  # noqa: PLR2004 - letters of a company


def _is_birth_date(text: str) -> bool:
    found = re.match(r"(\d{4})-\d{2}-\d{2}", text) or re.fullmatch(r"\d{1,2}[./]\d{1,2}[./](\d{4})", text)
    return found is not None and _OLDEST_YEAR <= int(found[1]) <= datetime.now(UTC).year - _GROWN_UP_YEARS


@dataclass(frozen=True)
class PersonKind:
    """A kind of data about people. `hint` is searched in the name of a column, `table` in the name of its table."""

    name: str
    hint: re.Pattern[str]
    matches: Callable[[str], bool]
    is_sure: bool = False  # values alone tell it
    table: re.Pattern[str] | None = None
    types: Callable[[pa.DataType], bool] = is_text


def _hint(*words: str) -> re.Pattern[str]:
    return re.compile(rf"(^|_)(?:{'|'.join(words)})(_|\d|$)")


def _text_or_number(kind: pa.DataType) -> bool:
    return is_text(kind) or bool(pa.types.is_integer(kind))


def _text_or_date(kind: pa.DataType) -> bool:
    return is_text(kind) or bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


PEOPLE_TABLE = re.compile(
    r"(^|_)(employee|person|people|customer|user|contact|patient|student|member|client|teacher|doctor|author|owner"
    r"|guest|passenger|driver|mitarbeiter|kunde|kunden|benutzer)(s|_|$)"
)

KINDS = (
    PersonKind(
        "email",
        _hint("e?_?mail", "e_mail", "mail_?address", "email_?address"),
        _fits(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^\W\d_]{2,}"),
        is_sure=True,
    ),
    PersonKind("iban", _hint("iban", "account", "account_number", "konto"), is_iban, is_sure=True),
    PersonKind(
        "card", _hint("card", "credit_?card", "cc", "pan", "card_?number", "karte"), is_card, types=_text_or_number
    ),
    PersonKind("ip", _hint("ip", "ip_?address", "ipv4", "ipv6", "host", "remote_?addr"), is_ip_address, is_sure=True),
    PersonKind(
        "uuid",
        re.compile(""),
        _fits(r"\{?[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\}?"),
        is_sure=True,
    ),
    PersonKind("url", _hint("url", "uri", "website", "homepage", "link", "web"), _fits(r"(?:https?|ftp)://[^\s/]+\S*")),
    PersonKind(
        "national_id",
        _hint(
            "ssn", "social_?security", "national_?id", "nino", "dni", "nie", "nif", "codice_?fiscale", "pesel", "bsn",
            "rodne_?cislo", "steuer_?id", "tax_?id", "tin", "sozialversicherung", "passport", "personnummer", "id_card",
        ),
        is_national_id,
        types=_text_or_number,
    ),
    PersonKind(
        "phone",
        _hint("phone", "telephone", "tel", "mobile", "cell", "fax", "telefon", "handy", "phone_?number", "mobil"),
        _is_phone,
        types=_text_or_number,
    ),
    PersonKind(
        "birth_date",
        _hint("birth_?date", "birth_?day", "date_of_birth", "dob", "born", "geburtsdatum", "geburtstag", "birth"),
        _is_birth_date,
        types=_text_or_date,
    ),
    PersonKind("first_name", _hint("first_?name", "given_?name", "forename", "vorname", "fname", "prenom"), _is_name),
    PersonKind(
        "last_name", _hint("last_?name", "family_?name", "surname", "nachname", "familienname", "lname"), _is_name
    ),
    PersonKind(
        "full_name",
        _hint(
            "full_?name", "display_?name", "contact_?name", "customer_?name", "employee_?name", "person_?name",
            "patient_?name", "author", "contact_?person", "account_?holder", "name_?on_?card",
        ),
        _is_full_name,
    ),
    PersonKind("full_name", _hint("name"), _is_full_name, table=PEOPLE_TABLE),
    PersonKind(
        "street",
        _hint("street", "address", "strasse", "straße", "addr", "address_?line", "street_?address"),
        _is_street,
    ),
    PersonKind("city", _hint("city", "town", "stadt", "ort", "municipality", "wohnort"), _is_place),
    PersonKind(
        "postcode",
        _hint("post_?code", "postal_?code", "zip", "zip_?code", "plz", "postleitzahl"),
        _fits(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9 \-]{1,9}"),
        types=_text_or_number,
    ),
    PersonKind("country", _hint("country", "country_?code", "nation", "nationality", "land", "staat"), is_country),
    PersonKind(
        "company",
        _hint("company", "company_?name", "employer", "firma", "organisation", "organization"),
        _is_company,
    ),
)  # fmt: skip


def person_kind(name: str, table: str, kind: pa.DataType, sample: Sequence[str]) -> str | None:
    """Return the kind of data about people that a column has, by its name and 80 % of some of its values.

    Addresses of mail and hosts, account numbers and UUIDs are known whatever the column is called. `name` and `table`:
    in small letters and underscores.
    """
    if not sample:
        return None
    for each in KINDS:
        is_called = each.hint.search(name) is not None and (each.table is None or each.table.search(table) is not None)
        if not each.types(kind) or not (is_called or each.is_sure):
            continue
        share = sum(each.matches(text.strip()) for text in sample) / len(sample)
        if share >= (MATCH_SHARE if is_called else SURE_SHARE):
            return each.name
    return None


def person_kind_by_name(name: str, table: str, kind: pa.DataType) -> str | None:
    """Return the kind of data about people that a column of no rows is called after. `name` and `table`: as above."""
    for each in KINDS:
        is_called = each.hint.pattern and each.hint.search(name) is not None
        if is_called and each.types(kind) and (each.table is None or each.table.search(table) is not None):
            return each.name
    return None


def as_texts(values: Sequence[Any]) -> list[str]:
    """Return values as the matchers see them."""
    return [value if isinstance(value, str) else str(value) for value in values]
