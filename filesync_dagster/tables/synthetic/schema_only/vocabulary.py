"""What columns are called, in small letters and underscores, and what such columns have: amounts, states, days."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeVar

Found = TypeVar("Found")

LAST_DAY: Final = date(2025, 12, 31)
"""The newest day that is made: the same description gives the same rows next year."""

YEAR_DAYS: Final = 365


def _words(*words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|_)(?:{'|'.join(words)})(?:_|\d|s?$)")


@dataclass(frozen=True)
class NumberShape:
    """How numbers lie between two ends."""

    low: float
    high: float
    shape: Literal["even", "middle", "low", "steep"] = "even"  # steep: of some decades, as amounts are
    decimals: int = 0


NUMBERS: Final = (
    (_words("age", "alter"), NumberShape(18, 85, "middle")),
    (_words("salary", "wage", "income", "gehalt", "base_pay", "annual_pay"), NumberShape(28_000, 160_000, "steep", 2)),
    (_words("budget", "revenue", "turnover", "capital", "valuation"), NumberShape(10_000, 2_000_000, "steep", 2)),
    (_words("discount", "rabatt"), NumberShape(0, 30, "low", 2)),
    (_words("tax_rate", "vat_rate", "interest_rate"), NumberShape(0, 25, "even", 2)),
    (_words("rate", "ratio", "share", "probability", "confidence"), NumberShape(0, 1, "even", 4)),
    (_words("percent", "percentage", "pct"), NumberShape(0, 100, "middle", 2)),
    (_words("bonus", "commission", "fee", "shipping", "tip", "surcharge"), NumberShape(1, 500, "steep", 2)),
    (
        _words(
            "price", "amount", "cost", "total", "subtotal", "value", "balance", "payment", "paid", "preis", "betrag"
        ),
        NumberShape(5, 2_500, "steep", 2),
    ),
    (_words("quantity", "qty", "units", "pieces", "menge", "anzahl"), NumberShape(1, 20, "low")),
    (_words("stock", "inventory", "on_hand"), NumberShape(0, 500, "low")),
    (_words("rating", "stars", "grade", "proficiency", "priority", "level", "severity"), NumberShape(1, 5, "middle")),
    (_words("score", "points", "marks"), NumberShape(0, 100, "middle")),
    (_words("year", "jahr"), NumberShape(2000, LAST_DAY.year)),
    (_words("month"), NumberShape(1, 12)),
    (_words("day"), NumberShape(1, 28)),
    (_words("hour"), NumberShape(0, 23, "middle")),
    (_words("minute", "second"), NumberShape(0, 59)),
    (_words("quarter"), NumberShape(1, 4)),
    (_words("latitude", "lat"), NumberShape(-60, 70, "middle", 6)),
    (_words("longitude", "lon", "lng"), NumberShape(-180, 180, "even", 6)),
    (_words("hours", "hours_per_week"), NumberShape(1, 40, "middle")),
    (_words("minutes", "duration", "seconds", "days"), NumberShape(1, 240, "low")),
    (_words("years", "experience"), NumberShape(0, 35, "low")),
    (_words("weight"), NumberShape(0.1, 60, "steep", 2)),
    (_words("height"), NumberShape(150, 200, "middle")),
    (_words("width", "length", "depth"), NumberShape(1, 200, "low", 1)),
    (_words("temperature", "temp"), NumberShape(-10, 35, "middle", 1)),
    (_words("size", "bytes"), NumberShape(100, 5_000_000, "steep")),
    (_words("version", "revision", "position", "rank", "line", "sequence", "order_index"), NumberShape(1, 10, "low")),
    (_words("phone", "telephone", "mobile", "fax"), NumberShape(2_010_000_000, 9_899_999_999)),
    (_words("zip", "zip_?code", "postal_?code", "post_?code", "plz"), NumberShape(10_000, 99_999)),
    (_words("count", "number_of", "num", "visits", "clicks", "views"), NumberShape(0, 50, "low")),
)
"""The first that fits is taken."""

PLAIN_NUMBER: Final = NumberShape(1, 1_000, "even", 2)

DAYS_BACK: Final = (
    (_words("birth", "birth_?date", "birth_?day", "dob", "date_of_birth", "born", "geburtsdatum"), (70, 20, "middle")),
    (_words("hire", "hired", "joined", "join", "employment", "founded", "signup", "registered"), (10, 0.2, "even")),
    (_words("expiry", "expires?", "expiration", "due", "renewal", "valid_(?:to|until)", "planned"), (-0.1, -3, "even")),
    (_words("updated", "modified", "changed", "last_\\w+", "login"), (0.5, 0, "even")),
)
"""How many years ago moments are, from the first to the last; below 0 they are still to come."""

PLAIN_YEARS_BACK: Final = (4.0, 0.0)

CATEGORIES: Final = (
    (_words("gender", "sex"), ("female", "male", "other")),
    (_words("(?:order|sale|shipment|shipping|delivery)_status"),
     ("delivered", "shipped", "processing", "pending", "cancelled", "returned")),
    (_words("(?:payment|invoice|bill)_status"), ("paid", "open", "overdue", "refunded")),
    (_words("payment_method", "payment_type", "pay_method"),
     ("credit_card", "paypal", "bank_transfer", "debit_card", "invoice")),
    (_words("employment_type", "contract_type"), ("full_time", "part_time", "contract", "intern")),
    (_words("(?:ticket|task|issue|case|project)_status"), ("open", "in_progress", "done", "blocked")),
    (_words("status", "state_code", "stage"), ("active", "pending", "inactive", "closed")),
    (_words("priority", "severity", "urgency"), ("medium", "low", "high", "critical")),
    (_words("segment", "customer_type", "tier", "plan"), ("standard", "premium", "basic", "enterprise")),
    (_words("currency", "waehrung"), ("EUR", "USD", "GBP", "CHF", "CZK")),
    (_words("language", "lang", "locale"), ("en", "de", "fr", "es", "cs", "it")),
    (_words("country_code", "country_iso", "iso_code"), ("DE", "US", "FR", "GB", "AT", "CZ", "ES", "IT", "NL", "PL")),
    (_words("department", "dept", "division"),
     ("Sales", "Engineering", "Marketing", "Finance", "Operations", "Human Resources", "Support", "Legal")),
    (_words("region", "territory", "area"), ("North", "South", "East", "West", "Central")),
    (_words("channel", "source", "medium"), ("web", "store", "phone", "partner", "app")),
    (_words("colou?r", "farbe"), ("black", "white", "blue", "red", "green", "grey", "yellow")),
    (_words("size"), ("M", "L", "S", "XL", "XS")),
    (_words("unit", "uom"), ("piece", "kg", "litre", "metre", "box")),
    (_words("category", "product_type", "group", "kategorie"),
     ("Electronics", "Home", "Clothing", "Books", "Sports", "Toys", "Garden", "Beauty")),
    (_words("grade", "mark"), ("B", "A", "C", "D", "F")),
    (_words("weekday", "day_of_week"), ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")),
    (_words("marital_status"), ("married", "single", "divorced", "widowed")),
    (_words("title", "salutation", "prefix"), ("Ms", "Mr", "Dr")),
    (_words("device", "platform", "os"), ("desktop", "mobile", "tablet")),
    (_words("type", "kind", "class", "art", "typ"), ("standard", "special", "internal", "external")),
    (_words("level"), ("junior", "senior", "lead", "principal")),
)  # fmt: skip
"""What stands first is most frequent."""

MADE: Final = (
    (_words("country_(?:name|title)"), "country"),
    (_words("(?:city|town)_(?:name|title)"), "city"),
    (_words("(?:company|supplier|vendor|manufacturer|bank|organi[sz]ation)_(?:name|title)"), "company"),
    (_words("(?:position|job|role)_(?:name|title)"), "job"),
    (_words("job", "job_?title", "position", "occupation", "profession", "role", "beruf"), "job"),
    (_words("user_?name", "login", "nick_?name", "handle", "account_name"), "user_name"),
    (_words("state", "province", "county", "bundesland"), "state"),
    (_words("domain", "host_?name"), "domain_name"),
    (_words("file_?name", "attachment"), "file_name"),
    (_words("mac", "mac_address"), "mac_address"),
    (_words("user_agent", "browser"), "user_agent"),
    (_words("license_plate", "plate", "kennzeichen"), "license_plate"),
    (_words("bic", "swift"), "swift"),
    (_words("iso_?country"), "country_code"),
    (_words("brand", "manufacturer", "vendor", "supplier", "provider", "publisher", "bank", "carrier", "airline"),
     "company"),
)  # fmt: skip
"""What Faker makes of names that are not those of people."""

TEXTS: Final = _words(
    "description", "comment", "note", "remark", "text", "body", "message", "summary", "review", "content", "bio",
    "feedback", "details", "reason", "abstract", "beschreibung", "kommentar",
)  # fmt: skip
CODES: Final = _words("code", "number", "no", "nr", "sku", "id", "key", "ref", "reference", "serial", "barcode", "isbn")
OPTIONAL: Final = _words(
    "middle_?name", "end", "ended", "end_date", "termination", "deleted", "closed", "cancelled", "completed", "left",
    "valid_to", "address_?line_?2", "fax", "note", "comment", "remark", "suffix", "nick_?name",
)  # fmt: skip
PLAIN_NAMES: Final = frozenset({"name", "status", "title", "type", "label", "category"})
"""What says little without the name of the table: orders.status, departments.name."""

FLAGS: Final = (
    (_words("active", "enabled", "verified", "valid", "available", "current"), 0.85),
    (_words("deleted", "blocked", "banned", "archived", "fraud", "test", "returned", "cancelled"), 0.05),
)
"""The share of rows in which something is so."""

BEGINS: Final = re.compile(r"(?:^|_)(start|begin|from|opened|hire|hired|created|ordered|order|valid_from|min|issued)")
ENDS: Final = {
    "start": ("end", "finish"), "begin": ("end",), "from": ("to", "until"), "opened": ("closed",),
    "hire": ("termination", "leave", "left", "end"), "hired": ("terminated", "left"),
    "created": ("updated", "modified", "closed", "completed", "deleted"), "ordered": ("shipped", "delivered"),
    "order": ("shipping", "shipped", "ship", "delivery", "delivered"), "issued": ("due", "paid", "expires", "expiry"),
    "min": ("max",),
}  # fmt: skip
"""What comes after what, in names that are otherwise the same: start_date and end_date, min_price and max_price."""

THINGS: Final = (
    "Chair", "Lamp", "Table", "Mug", "Backpack", "Keyboard", "Bottle", "Jacket", "Clock", "Headphones", "Notebook",
    "Kettle", "Shelf", "Tent", "Camera", "Monitor", "Blanket", "Bicycle", "Watch", "Speaker",
)  # fmt: skip
MANNERS: Final = (
    "Classic", "Compact", "Smart", "Alpine", "Urban", "Ultra", "Nordic", "Pure", "Royal", "Basic", "Prime", "Solid",
    "Bright", "Silent", "Rapid",
)  # fmt: skip


def first_match(name: str, table: tuple[tuple[re.Pattern[str], Found], ...]) -> Found | None:
    """Return what stands beside the first pattern that is in a name."""
    return next((found for pattern, found in table if pattern.search(name)), None)


def is_after(first: str, last: str) -> bool:
    """Tell whether two names are those of a begin and its end.

    >>> is_after("start_date", "end_date"), is_after("hire_date", "birth_date"), is_after("min_price", "max_price")
    (True, False, True)
    """
    for found in BEGINS.finditer(first):
        head, tail = first[: found.start(1)], first[found.end(1) :]
        tails = {tail, "", "_at", "_on", "_date", "_time", "at", "on"} if found[1] != "min" else {tail}
        for end in ENDS.get(found[1], ENDS["from"]):
            if any(last == head + end + other for other in tails):
                return True
    return False
