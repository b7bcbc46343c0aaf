"""Names of tables and columns: which table a column speaks of, as far as names go."""

import re

from filesync_dagster.tables.profile import plain_name

SAME, ENDING, ABBREVIATED, PEOPLE = 1.0, 0.8, 0.6, 0.3
_SHORT_LETTERS = 3

_SUFFIX = re.compile(r"_?(id|ids|key|code|no|nr|num|number|ref|fk|uuid|guid|sk|pk)$")
_PREFIX = re.compile(r"^(fk|id)_")
_IRREGULAR = {"people": "person", "children": "child", "men": "man", "women": "woman", "staff": "employee"}
_PLURALS = (
    (re.compile(r"ies$"), "y"),
    (re.compile(r"(ss|x|ch|sh|z)es$"), r"\1"),
    (re.compile(r"(?<=[^su])s$"), ""),
)
_PERSON_ROLES = re.compile(
    r"(^|_)(manager|reviewer|approver|owner|author|assignee|supervisor|lead|leader|head|mentor|boss|director|editor"
    r"|creator|responsible|contact|sender|recipient|requester|reporter|teacher|trainer|instructor|coach|buyer|seller"
    r"|captain|chief|deputy|delegate|agent|referrer|vorgesetzte?r?|leiter|by)(_|$)"
)
_OWN_ROLES = re.compile(
    r"(^|_)(parent|super|root|previous|prev|next|original|origin|main|master|duplicate|replaces|successor|predecessor"
    r"|reply_to|vorgänger|nachfolger)(_|$)"
)
_PEOPLE_TABLES = re.compile(
    r"(^|_)(employee|person|user|member|contact|people|staff|worker|player|customer|client|agent|mitarbeiter"
    r"|benutzer)(_|$)"
)


def singular(word: str) -> str:
    """Return a word, or several with _ between, with the last one in the singular."""
    head, mark, last = word.rpartition("_")
    if last in _IRREGULAR:
        return head + mark + _IRREGULAR[last]
    for pattern, end in _PLURALS:
        if pattern.search(last) and len(last) > _SHORT_LETTERS:
            return head + mark + pattern.sub(end, last)
    return word


def subject(column: str) -> str:
    """Return what a column names: "department" of "department_id", "fk_Department" and "DepartmentKey"."""
    name = _PREFIX.sub("", plain_name(column))
    return singular(_SUFFIX.sub("", name))


def is_reference(column: str) -> bool:
    """Tell whether a column is called like one that names a row: "manager_id", "product_code", "created_by"."""
    name = plain_name(column)
    return bool(_SUFFIX.search(name) or _PREFIX.search(name) or name.endswith("_by"))


def is_generic(column: str) -> bool:
    """Tell whether a name of a key says nothing of its table: "id", "code"."""
    return subject(column) == ""


def name_score(column: str, child: str, parent: str, key: str) -> float:
    """Return how much a name of a column speaks for a key of a table: 1 that it is called so, 0 that it does not.

    Who does something (`manager_id`, `created_by`) is a little more likely in a table of people.
    """
    about, table = subject(column), singular(plain_name(parent))
    if about and about == table:
        return SAME
    if plain_name(column) == plain_name(key) and not is_generic(key):
        # Not the key of the child itself, of which the other table has a copy.
        return 0.0 if subject(key) == singular(plain_name(child)) else SAME
    if about and (about.endswith(f"_{table}") or table.endswith(f"_{about}")):
        return ENDING
    if len(about) >= _SHORT_LETTERS and (table.startswith(about) or _is_short_for(about, table)):
        return ABBREVIATED
    is_own = child == parent and _OWN_ROLES.search(about)
    is_person = _PERSON_ROLES.search(about) and _PEOPLE_TABLES.search(table)
    return PEOPLE if is_own or is_person else 0.0


def _is_short_for(short: str, word: str) -> bool:
    """Tell whether a word is written without some of its letters: "dept" of "department"."""
    letters = iter(word)
    return len(short) > _SHORT_LETTERS and short[0] == word[0] and all(letter in letters for letter in short)
