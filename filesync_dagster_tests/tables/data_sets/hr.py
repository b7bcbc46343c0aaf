"""The HR data set: 11 tables of a company, as somebody would export them; about 5,900 rows, 15 relations.

Everything in it is drawn from one seed. Employees refer to 28 positions, of which 3 are missing in `positions`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import DataSet
from filesync_dagster_tests.tables.data_sets import hr_words as words
from filesync_dagster_tests.tables.data_sets.files import relation, write_csv, write_data_set

TODAY = date(2025, 12, 31)
ORPHAN_POSITIONS = (10, 19, 23)  # employees have them, `positions` does not
EMPLOYEES = 500

KEYS = {
    "departments": ("department_id",),
    "positions": ("position_id",),
    "employees": ("employee_id",),
    "salaries": ("salary_id",),
    "skills": ("skill_id",),
    "employee_skills": ("employee_id", "skill_id"),
    "projects": ("project_id",),
    "assignments": ("assignment_id",),
    "training": ("training_id",),
    "enrolments": ("enrolment_id",),
    "reviews": ("review_id",),
}
RELATIONS = (
    relation("positions", "department_id", "departments", "department_id"),
    relation("employees", "department_id", "departments", "department_id"),
    relation("employees", "position_id", "positions", "position_id"),
    relation("employees", "manager_id", "employees", "employee_id"),
    relation("salaries", "employee_id", "employees", "employee_id"),
    relation("employee_skills", "employee_id", "employees", "employee_id"),
    relation("employee_skills", "skill_id", "skills", "skill_id"),
    relation("projects", "department_id", "departments", "department_id"),
    relation("projects", "manager_id", "employees", "employee_id"),
    relation("assignments", "project_id", "projects", "project_id"),
    relation("assignments", "employee_id", "employees", "employee_id"),
    relation("enrolments", "employee_id", "employees", "employee_id"),
    relation("enrolments", "training_id", "training", "training_id"),
    relation("reviews", "employee_id", "employees", "employee_id"),
    relation("reviews", "reviewer_id", "employees", "employee_id"),
)
ROLE_NAMES = {("employees", "manager_id"), ("projects", "manager_id"), ("reviews", "reviewer_id")}
"""Columns whose name says what the parent is to the child, not which table it is in."""

Row = dict[str, Any]


def hr(folder: Path, seed: int = 20) -> dict[str, Path]:
    """Write the 11 tables as CSV files; return their paths by name."""
    return write_csv(folder, hr_tables(seed))


def hr_data_set(folder: Path, seed: int = 20) -> DataSet:
    """Write the 11 tables as Parquet, with their keys and their 15 relations, all of them declared."""
    return write_data_set(folder, hr_tables(seed), KEYS, RELATIONS)


@cache
def hr_tables(seed: int = 20) -> dict[str, pa.Table]:
    """Return the 11 tables."""
    company = Company(np.random.default_rng(seed))
    people = company.employees()
    projects = company.projects(people)
    rows = {
        "departments": company.departments(people),
        "positions": company.positions(),
        "employees": [{name: value for name, value in row.items() if name[0] != "_"} for row in people],
        "salaries": company.salaries(people),
        "skills": company.skills(),
        "employee_skills": company.employee_skills(people),
        "projects": projects,
        "assignments": company.assignments(people, projects),
        "training": company.courses(),
        "enrolments": company.enrolments(people),
        "reviews": company.reviews(people),
    }
    return {name: table_of(table) for name, table in rows.items()}


def table_of(rows: list[Row]) -> pa.Table:
    """Return rows as a table: integers of 64 bits, decimals with two places."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return pa.table({name: pa.array(values, column_type(values)) for name, values in columns.items()})


def column_type(values: list[Any]) -> pa.DataType:
    """Return the type of a column."""
    value = next(value for value in values if value is not None)
    if isinstance(value, Decimal):
        digits = max(len(v.as_tuple().digits) for v in values if v is not None)
        places = -int(value.as_tuple().exponent)
        return pa.decimal128(max(digits, places + 1), places)
    kinds = {bool: pa.bool_(), int: pa.int64(), str: pa.string(), date: pa.date32()}
    return kinds[type(value)]


def money(value: float, step: int = 1) -> Decimal:
    """Return an amount with two decimals, rounded to a step of whole units."""
    return Decimal(round(value / step) * step).quantize(Decimal("0.01"))


@dataclass
class Company:
    """Draws the tables of one company, one after the other."""

    rng: np.random.Generator

    def pick(self, values: Any, p: Any = None) -> Any:
        """Return one of some values."""
        return values[int(self.rng.choice(len(values), p=p))]

    def day(self, first: date, last: date) -> date:
        """Return a day between two, both included."""
        return first + timedelta(days=int(self.rng.integers(0, max((last - first).days, 0) + 1)))

    def departments(self, people: list[Row]) -> list[Row]:
        """Return the departments; a budget is about what their people cost."""
        return [
            {
                "department_id": i,
                "name": name,
                "location": place,
                "cost_center": f"CC-{i * 10:04d}",
                "budget": money(
                    90_000 * sum(p["department_id"] == i for p in people) * self.rng.uniform(0.9, 1.2), 500
                ),
                "founded_on": self.day(date(2009, 1, 1), date(2013, 12, 31)),
            }
            for i, (name, place, _) in enumerate(words.DEPARTMENTS, 1)
        ]

    def positions(self) -> list[Row]:
        """Return the positions but for the three that were forgotten."""
        rows = []
        for i, (title, department, level) in enumerate(words.TITLES, 1):
            low = 24_000 + 11_000 * level + 500 * int(self.rng.integers(0, 8))
            rows.append(
                {
                    "position_id": i,
                    "title": title,
                    "department_id": department,
                    "grade": f"L{level}",
                    "min_salary": money(low),
                    "max_salary": money(low * 1.55, 500),
                }
            )
        return [row for row in rows if row["position_id"] not in ORPHAN_POSITIONS]

    def employees(self) -> list[Row]:
        """Return the people. What begins with _ is for the other tables: level, what they earn, how good they are."""
        rows: list[Row] = []
        shares = np.array([share for *_, share in words.DEPARTMENTS])
        counts = np.maximum(np.round(shares * EMPLOYEES).astype(int), 2)
        counts[1] += EMPLOYEES - counts.sum()
        for department, count in enumerate(counts, 1):
            own = [(i, level) for i, (_, d, level) in enumerate(words.TITLES, 1) if d == department]
            own.sort(key=lambda position: -position[1])
            for n in range(count):
                weights = np.array([5.0 if level < 3 else 2.0 if level == 3 else 0.5 for _, level in own])
                position, level = own[0] if n == 0 else self.pick(own, weights / weights.sum())
                rows.append(self.employee(department, position, level))
        order = sorted(rows, key=lambda row: (row["hire_date"], row["last_name"]))
        for i, row in enumerate(order, 1):
            row["employee_id"], row["employee_number"] = i, f"EMP-{i:05d}"
        addresses: set[str] = set()
        for row in order:
            row["email"] = self.address(row, addresses)
            row["manager_id"] = self.manager(row, order)
        return order

    def employee(self, department: int, position: int, level: int) -> Row:
        """Return one person, without number and manager."""
        sex = self.pick("fm")
        country, city, postcode, _, factor = self.pick(words.PLACES, [place[3] for place in words.PLACES])
        hired = self.day(date(2014, 1, 1), date(2025, 9, 30))
        born = self.day(hired - timedelta(days=365 * (30 + 5 * level)), hired - timedelta(days=365 * (19 + 2 * level)))
        left = self.day(hired + timedelta(days=60), TODAY) if self.rng.random() < 0.12 else None
        left = left if left is None or left <= TODAY else None
        prefix, length = {"DE": ("+49", 10), "AT": ("+43", 9), "CZ": ("+420", 9)}[country]
        number = "".join(str(digit) for digit in self.rng.integers(0, 10, length - 1))
        return {
            "employee_id": 0,
            "employee_number": "",
            "first_name": self.pick(words.FIRST_NAMES[sex]),
            "last_name": self.pick(words.LAST_NAMES),
            "email": "",
            "phone": f"{prefix} {self.rng.integers(1, 10)}{number[:2]} {number[2:]}",
            "birth_date": born,
            "city": city,
            "postal_code": postcode,
            "country": country,
            "hire_date": hired,
            "termination_date": left,
            "status": "left" if left else "active",
            "employment_type": self.pick(("full_time", "part_time", "contract"), (0.78, 0.17, 0.05)),
            "department_id": department,
            "position_id": position,
            "manager_id": None,
            "remote": bool(self.rng.random() < (0.55 if department in {2, 3, 4} else 0.15)),
            "_level": level,
            "_pay": factor * float(self.rng.lognormal(0, 0.12)),
            "_talent": float(self.rng.normal()),
        }

    def address(self, row: Row, taken: set[str]) -> str:
        """Return an e-mail address that nobody else has."""
        plain = "".join(c for c in f"{row['first_name']}.{row['last_name']}".lower() if c.isascii() and c != "'")
        for n in range(1, 1000):
            address = f"{plain}{n if n > 1 else ''}@example.com"
            if address not in taken:
                taken.add(address)
                return address
        raise AssertionError(plain)

    def manager(self, row: Row, people: list[Row]) -> int | None:
        """Return somebody of a higher level in the department, or of the board; the board has nobody above it."""
        if row["department_id"] == 1:
            return None
        above = [p for p in people if p["department_id"] == row["department_id"] and p["_level"] > row["_level"]]
        above = above or [p for p in people if p["department_id"] == 1 and p["_level"] > row["_level"]]
        near = min(p["_level"] for p in above)
        return int(self.pick([p["employee_id"] for p in above if p["_level"] == near]))

    def salaries(self, people: list[Row]) -> list[Row]:
        """Return one to five salaries of each person, one after the other; the last one goes on."""
        rows: list[Row] = []
        for person in people:
            last = person["termination_date"] or TODAY
            years = max((last - person["hire_date"]).days // 365, 0)
            count = 1 + int(self.rng.binomial(min(years, 6), 0.45))
            inner = sorted(self.day(person["hire_date"] + timedelta(days=90), last) for _ in range(count - 1))
            starts = [person["hire_date"], *sorted({day for day in inner if day > person["hire_date"]})]
            base = (26_000 + 11_500 * person["_level"]) * person["_pay"]
            for n, start in enumerate(starts):
                base *= 1 + (0.02 + 0.02 * abs(self.rng.normal())) * (n > 0)
                bonus = max(0.0, 0.04 * person["_level"] + 0.03 * person["_talent"]) * base
                amounts = money(base, 100), money(bonus, 50)
                rows.append(
                    {
                        "salary_id": len(rows) + 1,
                        "employee_id": person["employee_id"],
                        "valid_from": start,
                        "valid_to": starts[n + 1] - timedelta(days=1) if n + 1 < len(starts) else None,
                        "base": amounts[0],
                        "bonus": amounts[1],
                        "total": amounts[0] + amounts[1],
                        "currency": "CZK" if person["country"] == "CZ" else "EUR",
                    }
                )
        return rows

    def skills(self) -> list[Row]:
        """Return the skills."""
        pairs = [(name, category) for category, names in words.SKILLS.items() for name in names]
        return [{"skill_id": i, "name": name, "category": kind} for i, (name, kind) in enumerate(pairs, 1)]

    def employee_skills(self, people: list[Row]) -> list[Row]:
        """Return who can do what: engineers program, those of a higher level lead."""
        skills = self.skills()
        rows = []
        for person in people:
            technical, leads = person["department_id"] in {2, 4}, person["_level"] >= 4
            liking = {
                "programming": 8 if technical else 0.3,
                "platform": 6 if technical else 0.3,
                "language": 2,
                "business": 0.5 if technical else 4,
                "leadership": 6 if leads else 0.7,
                "safety": 0.5,
            }
            weights = np.array([liking[skill["category"]] for skill in skills])
            count = 1 + int(self.rng.poisson(0.9 + 0.3 * person["_level"]))
            chosen = self.rng.choice(len(skills), size=count, replace=False, p=weights / weights.sum())
            for index in sorted(chosen):
                level = int(np.clip(round(1.2 + 0.5 * person["_level"] + 0.8 * self.rng.normal()), 1, 5))
                rows.append(
                    {
                        "employee_id": person["employee_id"],
                        "skill_id": skills[index]["skill_id"],
                        "proficiency": level,
                        "years": Decimal(round(abs(level * 1.7 + self.rng.normal()) * 10)) / 10,
                        "certified": bool(self.rng.random() < 0.08 * level),
                    }
                )
        return [{**row, "years": row["years"].quantize(Decimal("0.1"))} for row in rows]

    def projects(self, people: list[Row]) -> list[Row]:
        """Return the projects; those that go on have no end."""
        rows = []
        leaders = [p for p in people if p["_level"] >= 3]
        for i in range(1, 61):
            leader = self.pick(leaders)
            start = self.day(max(leader["hire_date"], date(2018, 1, 1)), date(2025, 11, 30))
            end = start + timedelta(days=int(self.rng.integers(60, 700)))
            budget = self.rng.lognormal(11.5, 0.7)
            rows.append(
                {
                    "project_id": i,
                    "code": f"PRJ-{start.year}-{i:03d}",
                    "name": f"{self.pick(words.PROJECT_WORDS)} {self.pick(words.PROJECT_KINDS)}",
                    "department_id": leader["department_id"],
                    "manager_id": leader["employee_id"],
                    "start_date": start,
                    "end_date": end if end <= TODAY else None,
                    "budget": money(budget, 1000),
                    "spent": money(budget * self.rng.uniform(0.3, 1.15), 10),
                    "status": "finished" if end <= TODAY else "running",
                }
            )
        return rows

    def assignments(self, people: list[Row], projects: list[Row]) -> list[Row]:
        """Return who worked on what, within the time of the project and of the person."""
        rows: list[Row] = []
        for project in projects:
            last = project["end_date"] or TODAY
            able = [p for p in people if p["hire_date"] <= project["start_date"]]
            near = np.array([6.0 if p["department_id"] == project["department_id"] else 1.0 for p in able])
            count = min(len(able), 3 + int(self.rng.poisson(float(project["budget"]) / 14_000)), 40)
            for index in self.rng.choice(len(able), size=count, replace=False, p=near / near.sum()):
                start = self.day(project["start_date"], last)
                rows.append(
                    {
                        "assignment_id": len(rows) + 1,
                        "project_id": project["project_id"],
                        "employee_id": able[index]["employee_id"],
                        "role": "lead" if able[index]["_level"] >= 4 else self.pick(words.ROLES),
                        "start_date": start,
                        "end_date": self.day(start, last) if project["end_date"] or self.rng.random() < 0.4 else None,
                        "hours_per_week": int(self.pick((4, 8, 16, 20, 32, 40), (0.1, 0.25, 0.25, 0.2, 0.1, 0.1))),
                    }
                )
        return rows

    def courses(self) -> list[Row]:
        """Return the courses."""
        names = ("title", "category", "provider", "duration_hours", "price", "mandatory")
        rows = [dict(zip(names, course, strict=True)) for course in words.COURSES]
        return [{"training_id": i, **row, "price": Decimal(row["price"])} for i, row in enumerate(rows, 1)]

    def enrolments(self, people: list[Row]) -> list[Row]:
        """Return who took which course: everybody what is mandatory, but for the newest."""
        rows: list[Row] = []
        courses = self.courses()
        for person in people:
            last = person["termination_date"] or TODAY
            chosen = [c for c in courses if self.rng.random() < (0.38 if c["mandatory"] else 0.029)]
            for course in chosen:
                begun = self.day(person["hire_date"], last)
                ended = begun + timedelta(days=course["duration_hours"] // 8 + int(self.rng.integers(0, 20)))
                is_done = ended <= last
                score = int(np.clip(round(72 + 9 * person["_talent"] + 8 * self.rng.normal()), 20, 100))
                rows.append(
                    {
                        "enrolment_id": len(rows) + 1,
                        "employee_id": person["employee_id"],
                        "training_id": course["training_id"],
                        "enrolled_on": begun,
                        "completed_on": ended if is_done else None,
                        "score": score if is_done else None,
                        "passed": score >= 60 if is_done else None,
                    }
                )
        return rows

    def reviews(self, people: list[Row]) -> list[Row]:
        """Return a review of most years, by the manager or somebody of the board."""
        rows: list[Row] = []
        board = [p for p in people if p["department_id"] == 1]
        for person in people:
            last = person["termination_date"] or TODAY
            for year in range(person["hire_date"].year + 1, last.year + 1):
                if self.rng.random() > 0.36 or date(year, 2, 1) > last:
                    continue
                rating = int(np.clip(round(3.2 + 0.8 * person["_talent"] + 0.4 * self.rng.normal()), 1, 5))
                others = [p["employee_id"] for p in board if p is not person]
                rows.append(
                    {
                        "review_id": len(rows) + 1,
                        "employee_id": person["employee_id"],
                        "reviewer_id": person["manager_id"] or self.pick(others),
                        "review_date": self.day(date(year, 1, 10), date(year, 1, 31)),
                        "period": f"{year - 1}-H{1 + int(self.rng.random() < 0.5)}",
                        "rating": rating,
                        "goals_met": int(np.clip(round(20 * rating + 6 * self.rng.normal()), 0, 100)),
                        "comment": " ".join(self.pick(words.PRAISE if rating > 2 else words.BLAME) for _ in range(2)),
                    }
                )
        return rows
