"""Files as people send them, written here, and what is to be read of them: the columns with their types, and the rows."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

D = Decimal


@dataclass(frozen=True)
class Case:
    """A file: what it is called and has, and what it must become: `rows`, or the code of a refusal."""

    id: str
    content: bytes
    types: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[Any, ...]] | None = None
    refused: str | None = None
    warned: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    name: str = "x.csv"

    def __str__(self) -> str:
        return self.id


def csv(
    id: str,  # noqa: A002  # as in the class
    text: str | bytes,
    types: Any = None,
    rows: Any = None,
    *,
    encoding: str = "utf-8",
    **more: Any,
) -> Case:  # as in the class
    """Return a case of CSV."""
    return Case(id, text if isinstance(text, bytes) else text.encode(encoding), types or {}, rows, **more)


def refused(id: str, text: str | bytes, code: str, **more: Any) -> Case:  # noqa: A002  # as in the class
    """Return a case that must be refused."""
    return Case(id, text if isinstance(text, bytes) else text.encode(), refused=code, **more)


MANY = "".join(f"{n},{n}\n" for n in range(40))

CSV = [
    refused("a short line in the middle", "a,b,c\n1,2,3\n4,5\n6,7,8\n", "bad_line"),
    refused("a long line in the middle", "a,b\n1,2\n3,4,5\n6,7\n", "bad_line"),
    csv("what does not fit, put aside", "a,b,c\n1,2,3\n4,5\n6,7,8\n", {"a": "int64", "b": "int64", "c": "int64"},
        [(1, 2, 3), (6, 7, 8)], warned=("quarantined_lines",), options={"on_bad_line": "quarantine"}),
    csv("an empty field too many at the end of a line", "a,b\n1,x\n2,y,\n3,\n", {"a": "int64", "b": "string"},
        [(1, "x"), (2, "y"), (3, None)], warned=("trailing_delimiters",)),
    csv("empty fields too many at the end of all lines", "a,b\r\n1,x,,\r\n2,y,,", {"a": "int64", "b": "string"},
        [(1, "x"), (2, "y")], warned=("trailing_delimiters",)),
    csv("a line that tells Excel the delimiter", "sep=;\na;b\n1;x,y\n2;z\n", {"a": "int64", "b": "string"}, [(1, "x,y"), (2, "z")]),
    refused("a long line below a line that tells the delimiter", '"sep=,"\r\na,b\r\n1,2\r\n3,4,5\r\n', "bad_line"),
    csv("NULL without quotes among texts", 'a,b\n"NULL",x\nNULL,"p,NULL,q"\n\\N,z\n', {"a": "string", "b": "string"},
        [("NULL", "x"), (None, "p,NULL,q"), (None, "z")], warned=("null_tokens",)),
    csv("years of two digits", "d\n01/02/24\n13/02/24\n", {"d": "string"}, [("01/02/24",), ("13/02/24",)], warned=("short_years",)),
    csv("years of two digits, declared", "d\n01/02/24\n13/02/99\n", {"d": "date32[day]"},
        [(date(2024, 2, 1),), (date(1999, 2, 13),)], options={"types": {"d": "%d/%m/%y"}}),
    csv("integers beyond doubles", "n\n9007199254740993\n9007199254740992\n", {"n": "int64"}, [(9007199254740993,), (9007199254740992,)]),
    csv("integers beyond 64 bits", "n\n18446744073709551615\n1\n", {"n": "decimal128(38, 0)"}, [(D(18446744073709551615),), (D(1),)]),
    csv("integers beyond any number", f"n\n{'9' * 39}\n1\n", {"n": "string"}, [("9" * 39,), ("1",)]),
    csv("what overflows doubles", "n\n1e400\n2\n", {"n": "string"}, [("1e400",), ("2",)]),
    csv("exponents that doubles hold", "n\n1e10\n2.5e-3\n", {"n": "double"}, [(1e10,), (2.5e-3,)]),
    csv("leading zeros", "zip,n\n01234,1\n00012,2\n", {"zip": "string", "n": "int64"}, [("01234", 1), ("00012", 2)]),
    csv("one leading zero among many", "zip\n1234\n01234\n", {"zip": "string"}, [("1234",), ("01234",)]),
    csv("a plus before phone numbers", "phone\n+491701\n+491702\n", {"phone": "string"}, [("+491701",), ("+491702",)]),
    csv("empty against nothing", 'a,b\n"",x\n,y\n', {"a": "string", "b": "string"}, [("", "x"), (None, "y")]),
    csv("quoted empty among numbers", 'a,b\n"",1\n2,3\n4,5\n', {"a": "int64", "b": "int64"}, [(None, 1), (2, 3), (4, 5)], warned=("quoted_empty",)),
    csv("money", "price\n19.99\n0.10\n1000.00\n", {"price": "decimal128(18, 2)"}, [(D("19.99"),), (D("0.10"),), (D("1000.00"),)]),
    csv("decimal commas", "id;price\n1;1.234,50\n2;2,5\n", {"id": "int64", "price": "decimal128(18, 2)"}, [(1, D("1234.50")), (2, D("2.50"))]),
    csv("commas between thousands", 'id,price\n1,"1,234,567"\n2,"3"\n', {"id": "int64", "price": "decimal128(18, 0)"}, [(1, D(1234567)), (2, D(3))]),
    csv("a comma that may be either", 'id,price\n1,"1,234"\n2,"5,678"\n', {"id": "int64", "price": "string"}, [(1, "1,234"), (2, "5,678")], warned=("ambiguous_numbers",)),
    csv("a point that may be between thousands", "id;a;b\n1;1.234;2,5\n2;5.678;3,5\n", {"id": "int64", "a": "string", "b": "decimal128(18, 1)"},
        [(1, "1.234", D("2.5")), (2, "5.678", D("3.5"))], warned=("ambiguous_numbers",)),
    csv("day first, by evidence", "d\n01/02/2024\n13/02/2024\n", {"d": "date32[day]"}, [(date(2024, 2, 1),), (date(2024, 2, 13),)]),
    csv("month first, by evidence", "d\n01/02/2024\n02/13/2024\n", {"d": "date32[day]"}, [(date(2024, 1, 2),), (date(2024, 2, 13),)]),
    csv("day or month", "d,e\n01/02/2024,1\n03/02/2024,2\n", {"d": "string", "e": "int64"}, [("01/02/2024", 1), ("03/02/2024", 2)], warned=("ambiguous_dates",)),
    csv("day first, declared", "d,e\n01/02/2024,1\n", {"d": "date32[day]", "e": "int64"}, [(date(2024, 2, 1), 1)], options={"types": {"d": "%d/%m/%Y"}}),
    csv("ISO dates", "d\n2024-02-29\n1899-12-31\n", {"d": "date32[day]"}, [(date(2024, 2, 29),), (date(1899, 12, 31),)]),
    csv("a date that is none", "d\n2024-02-29\n2023-02-29\n", {"d": "string"}, [("2024-02-29",), ("2023-02-29",)]),
    csv("moments", "t\n2024-01-02 03:04:05.123456\n2024-01-02T03:04\n", {"t": "timestamp[us]"},
        [(datetime(2024, 1, 2, 3, 4, 5, 123456),), (datetime(2024, 1, 2, 3, 4),)]),
    csv("moments with zones", "t\n2024-01-02T03:04:05+02:00\n2024-06-02T03:04:05Z\n", {"t": "timestamp[us, tz=UTC]"},
        [(datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC),), (datetime(2024, 6, 2, 3, 4, 5, tzinfo=UTC),)]),
    csv("times", "t\n12:30\n23:59:59\n", {"t": "time64[us]"}, [(time(12, 30),), (time(23, 59, 59),)]),
    csv("truth", "b\ntrue\nFalse\n", {"b": "bool"}, [(True,), (False,)]),
    csv("only one truth", "b\nyes\nyes\n", {"b": "string"}, [("yes",), ("yes",)]),
    csv("ones and zeros are numbers", "b\n1\n0\n", {"b": "int64"}, [(1,), (0,)]),
    csv("Norway", "country,n\nNO,1\nDE,2\n", {"country": "string", "n": "int64"}, [("NO", 1), ("DE", 2)]),
    csv("words for nothing", "a,b\n1,NA\n2,3\n" + MANY, {"a": "int64", "b": "int64"}, [(1, None), (2, 3), *((n, n) for n in range(40))], warned=("null_words",)),
    csv("too many words for nothing", "a,b\n1,NA\n2,3\n", {"a": "int64", "b": "string"}, [(1, "NA"), (2, "3")]),
    csv("NULL and \\N", "a,b\n1,NULL\n2,\\N\n3,x\n", {"a": "int64", "b": "string"}, [(1, None), (2, None), (3, "x")],
        warned=("null_tokens",)),
    csv("a quoted NULL is a word", 'a,b\n1,"NULL"\n2,x\n', {"a": "int64", "b": "string"}, [(1, "NULL"), (2, "x")]),
    csv("no header", "1,2\n3,4\n", {"column_1": "int64", "column_2": "int64"}, [(1, 2), (3, 4)], warned=("no_header",)),
    csv("a title and a blank line", "Report of May\n\nname,age\nann,3\nbob,4\n", {"name": "string", "age": "int64"}, [("ann", 3), ("bob", 4)], warned=("title_lines",)),
    csv("header in line three, declared", "x,y\nfoo,bar\nname,age\nann,3\n", {"name": "string", "age": "int64"}, [("ann", 3)], warned=("title_lines",), options={"header_row": 3}),
    csv("carriage returns and tabs", "a\tb\r1\t2\r3\t4\r", {"a": "int64", "b": "int64"}, [(1, 2), (3, 4)]),
    csv("line ends of Windows", "a,b\r\n1,2\r\n3,4\r\n", {"a": "int64", "b": "int64"}, [(1, 2), (3, 4)]),
    refused("mixed line ends", "a,b\n1,2\r3,4\n5,6\n", "mixed_line_ends"),
    csv("no line end at the end", "a,b\n1,2\n3,4", {"a": "int64", "b": "int64"}, [(1, 2), (3, 4)]),
    csv("semicolons and commas", "name;n\na, b;1\nc;2\n", {"name": "string", "n": "int64"}, [("a, b", 1), ("c", 2)]),
    csv("pipes", "a|b\n1|x\n2|y\n", {"a": "int64", "b": "string"}, [(1, "x"), (2, "y")]),
    csv("one column", "name\nann\nbob\n", {"name": "string"}, [("ann",), ("bob",)]),
    csv("lines within quotes", 'a,b\n1,"x\ny"\n2,"q""q"\n3,"a,b"\n', {"a": "int64", "b": "string"}, [(1, "x\ny"), (2, 'q"q'), (3, "a,b")]),
    csv("quotes that are letters", 'a,b\n1,5" nail\n2,x\n', {"a": "int64", "b": "string"}, [(1, '5" nail'), (2, "x")]),
    refused("a quote that is never closed", 'a,b\n1,"x\n2,y\n', "bad_line"),
    csv("single quotes", "a,b\n1,'x, y'\n2,'z'\n", {"a": "int64", "b": "string"}, [(1, "x, y"), (2, "z")], warned=("single_quotes",)),
    csv("spaces around numbers", "a,b\n 1, x\n 2, y\n", {"a": "int64", "b": "string"}, [(1, " x"), (2, " y")], warned=("spaces",)),
    csv("a mark of UTF-8", b"\xef\xbb\xbfa,b\n1,\xc3\xa9\n", {"a": "int64", "b": "string"}, [(1, "é")]),
    csv("Windows-1252", "name,n\nMüller,1\nÉmile,2\n", {"name": "string", "n": "int64"}, [("Müller", 1), ("Émile", 2)], encoding="cp1252", warned=("encoding_guessed",)),
    csv("UTF-16 with a mark", "a,b\n1,é\n", {"a": "int64", "b": "string"}, [(1, "é")], encoding="utf-16"),
    csv("Shift-JIS, declared", "a,b\n1,日本\n", {"a": "int64", "b": "string"}, [(1, "日本")], encoding="shift_jis", options={"encoding": "shift_jis"}),
    refused("not the declared encoding", "a,b\n1,é\n".encode("cp1252"), "encoding", options={"encoding": "utf-8"}),
    refused("UTF-8 with a broken byte", "a,b\n1,éé\n2,é\n3,éé".encode() + b"\xff\n", "encoding"),
    refused("bytes of NUL", b"a,b\n1,\0\n", "binary"),
    refused("an empty file", b"", "empty"),
    refused("blank lines only", "\n\n \n", "empty"),
    csv("a header only", "a,b\n", {"a": "string", "b": "string"}, []),
    refused("gzip called .csv", b"\x1f\x8b\x08\0\0\0\0\0", "compressed"),
    refused("a program called .csv", b"MZ\x90\0\x03\0\0\0", "binary"),
    refused("a workbook called .csv", b"PK\x03\x04\x14\0", "content_mismatch"),
    csv("names that repeat or are missing", "a,a,,A\n1,2,3,4\n", {"a": "int64", "a_2": "int64", "column_3": "int64", "A_3": "int64"}, [(1, 2, 3, 4)]),
    csv("years as names", "name,2023,2024\nann,10,20\nbob,30,40\n", {"name": "string", "2023": "int64", "2024": "int64"}, [("ann", 10, 20), ("bob", 30, 40)]),
    csv("blank lines between rows", "a,b\n1,2\n\n3,4\n", {"a": "int64", "b": "int64"}, [(1, 2), (3, 4)]),
    csv("JSON in a column", 'a,b\n1,"{""x"": 1}"\n2,"[1, 2]"\n', {"a": "int64", "b": "string"}, [(1, '{"x": 1}'), (2, "[1, 2]")]),
    refused("a declared type that does not fit", "a,b\n1,x\n", "type_does_not_fit", options={"types": {"b": "integer"}}),
    refused("a declared type of no column", "a,b\n1,x\n", "unknown_column", options={"types": {"c": "integer"}}),
    refused("a declared type that is none", "a,b\n1,x\n", "unknown_type", options={"types": {"a": "number"}}),
    csv("codes, declared as text", "a,b\n1,x\n2,y\n", {"a": "string", "b": "string"}, [("1", "x"), ("2", "y")], options={"types": {"a": "text"}}),
    csv("a value far below that is no number", "n,m\n" + "".join(f"{n},1\n" for n in range(30_000)) + "x,1\n", {"n": "string", "m": "int64"}, None),
]  # fmt: skip

JSON = [
    Case("a list of objects", b'[{"a": 1, "b": "x"}, {"b": "y", "c": true}]', {"a": "int64", "b": "string", "c": "bool"},
         [(1, "x", None), (None, "y", True)], name="x.json"),
    Case("one object a line", b'{"a": 1}\n{"a": 2}\n', {"a": "int64"}, [(1,), (2,)], name="x.ndjson"),
    Case("integers of any length", b'[{"a": 9007199254740993}, {"a": 18446744073709551616}]', {"a": "decimal128(38, 0)"},
         [(D(9007199254740993),), (D(18446744073709551616),)], name="x.json"),
    Case("decimals keep their digits", b'[{"a": 0.1}, {"a": 1234567890.12}]', {"a": "decimal128(18, 2)"}, [(D("0.10"),), (D("1234567890.12"),)], name="x.json"),
    Case("NaN is nothing", b'[{"a": NaN}, {"a": 1.5}]', {"a": "decimal128(18, 1)"}, [(None,), (D("1.5"),)], warned=("not_a_number",), name="x.json"),
    Case("infinity is a double", b'[{"a": Infinity}, {"a": 1.5}]', {"a": "double"}, [(float("inf"),), (1.5,)], name="x.json"),
    Case("a number beyond doubles", b'[{"a": 1e400}, {"a": 0.1}]', {"a": "string"}, [("1E+400",), ("0.1",)], warned=("long_numbers",), name="x.json"),
    Case("an exponent with more digits than doubles", b'[{"a": 9007199254740993e0}, {"a": 1e30}]', {"a": "string"}, [("9007199254740993",), ("1E+30",)], warned=("long_numbers",), name="x.json"),
    Case("exponents", b'[{"a": 1e-07}, {"a": 0.1234567890123456}, {"a": 1e22}]', {"a": "double"}, [(1e-07,), (0.1234567890123456,), (1e22,)], name="x.json"),
    Case("half of a letter", b'[{"a": "\\ud800"}]', refused="json", name="x.json"),
    Case("a letter in two halves", b'[{"a": "\\ud83d\\ude00"}]', {"a": "string"}, [("\U0001f600",)], name="x.json"),
    Case("objects in objects", b'[{"a": {"b": {"c": 1, "d": {"e": 2}}}}]', {"a.b.c": "int64", "a.b.d": "string"}, [(1, '{"e":2}')], name="x.json"),
    Case("lists are JSON", b'[{"a": [1, 2]}, {"a": []}]', {"a": "string"}, [("[1,2]",), ("[]",)], name="x.json"),
    Case("values of several kinds", b'[{"a": 1}, {"a": "x"}]', {"a": "string"}, [("1",), ("x",)], warned=("mixed_types",), name="x.json"),
    Case("texts of digits stay texts", b'[{"a": "01234"}, {"a": "5"}]', {"a": "string"}, [("01234",), ("5",)], name="x.json"),
    Case("wrapped in data", b'{"data": [{"a": 1}], "next": null}', {"a": "int64"}, [(1,)], name="x.json"),
    Case("a key that is there twice", b'[{"a": 1, "a": 2}]', refused="json", name="x.json"),
    Case("a key that is the way to another", b'[{"a.b": 1, "a": {"b": 2}}]', refused="json", name="x.json"),
    Case("deeper than anybody means", b"[" * 100_000 + b"]" * 100_000, refused="json", name="x.json"),
    Case("cut off", b'[{"a": 1}, {"a": ', refused="json", name="x.json"),
    Case("a number alone", b"17", refused="json", name="x.json"),
    Case("a list of numbers", b"[1, 2]", refused="json", name="x.json"),
]  # fmt: skip
