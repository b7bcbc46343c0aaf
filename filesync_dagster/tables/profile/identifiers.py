"""Numbers that people are known by, each with the check that its makers gave it."""

import ipaddress
import re
from collections.abc import Callable

_COUNTRIES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY
    BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK
    FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR
    IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK
    ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF
    TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW UK
"""
_COUNTRY_NAME = re.compile(r"[^\W\d_][^\d]{3,50}")
_ALPHA_3 = re.compile(r"[A-Z]{3}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_CARD_DIGITS = range(13, 20)
_LUHN_DOUBLE = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_country(text: str) -> bool:
    """Tell whether a text is a code of ISO 3166, or may be the name of a country."""
    if len(text) == 2:  # noqa: PLR2004 - alpha-2
        return text.isalpha() and text.upper() in _COUNTRIES
    return bool(_ALPHA_3.fullmatch(text) or (text[0].isupper() and _COUNTRY_NAME.fullmatch(text)))


def is_ip_address(text: str) -> bool:
    """Tell whether a text is an address of a host, of either version."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_iban(text: str) -> bool:
    """Tell whether a text is an international account number, by its check digits."""
    plain = text.replace(" ", "").upper()
    if _IBAN.fullmatch(plain) is None:
        return False
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def is_card(text: str) -> bool:
    """Tell whether a text is a number of a payment card, by the check of Luhn."""
    digits = text.replace(" ", "").replace("-", "")
    if not digits.isascii() or not digits.isdigit() or len(digits) not in _CARD_DIGITS:
        return False
    odd = sum(int(digit) for digit in digits[-1::-2])
    return (odd + sum(_LUHN_DOUBLE[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def _is_ssn(text: str) -> bool:
    found = re.fullmatch(r"(\d{3})-?(\d{2})-?(\d{4})", text)
    return found is not None and found[1] not in {"000", "666"} and found[1] < "900" and found[2] != "00"


def _is_steuer_id(text: str) -> bool:
    if re.fullmatch(r"[1-9]\d{10}", text) is None:
        return False
    product = 10
    for digit in text[:10]:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10 == int(text[10])


def _is_pesel(text: str) -> bool:
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
    if re.fullmatch(r"\d{11}", text) is None:
        return False
    return (10 - sum(w * int(d) for w, d in zip(weights, text, strict=False)) % 10) % 10 == int(text[10])


def _is_bsn(text: str) -> bool:
    if re.fullmatch(r"\d{9}", text) is None:
        return False
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(w * int(d) for w, d in zip(weights, text, strict=True)) % 11 == 0


def _is_dni(text: str) -> bool:
    found = re.fullmatch(r"([XYZ]|\d)(\d{7})-?([A-Z])", text.upper())
    if found is None:
        return False
    first = {"X": "0", "Y": "1", "Z": "2"}.get(found[1], found[1])
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(first + found[2]) % 23] == found[3]


def _is_rodne_cislo(text: str) -> bool:
    found = re.fullmatch(r"(\d{6})/?(\d{3,4})", text)
    if found is None or int(found[1][2:4]) % 50 % 20 not in range(1, 13):
        return False
    return len(found[2]) == 3 or int(found[1] + found[2]) % 11 == 0  # noqa: PLR2004 - three before 1954


def _is_nir(text: str) -> bool:
    found = re.fullmatch(r"([12]\d{12})(\d{2})", text.replace(" ", ""))
    return found is not None and 97 - int(found[1]) % 97 == int(found[2])


_PATTERNS = (
    re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]"),  # United Kingdom
    re.compile(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]"),  # Italy
    re.compile(r"\d{2}[ ]?\d{6}[ ]?[A-Z][ ]?\d{3}"),  # German pension insurance
    re.compile(r"(?:\d{2})?\d{6}[-+]?\d{4}"),  # Sweden
    re.compile(r"[A-Z]{1,2}[0-9A-Z]{6,8}"),  # passports
)
_CHECKS: tuple[Callable[[str], bool], ...] = (
    _is_ssn, _is_steuer_id, _is_pesel, _is_bsn, _is_dni, _is_rodne_cislo, _is_nir,
)  # fmt: skip


def is_national_id(text: str) -> bool:
    """Tell whether a text is a number that a state gives to people."""
    return any(check(text) for check in _CHECKS) or any(pattern.fullmatch(text) for pattern in _PATTERNS)
