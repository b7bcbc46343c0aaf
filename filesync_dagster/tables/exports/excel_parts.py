"""The parts of a workbook that are not rows: styles, relations, what Excel needs to find the sheets."""

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from filesync_dagster.tables.exports.kinds import ValueKind, kind_of
from filesync_dagster.tables.model import TableColumn

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

HEADER, DATE, DATE_TIME, TIME, PLAIN_TEXT = 1, 2, 3, 4, 5
"""Styles, by their numbers in the part of styles."""

DECIMAL_MAX_SCALE = 15
_FIRST_DECIMAL_STYLE = 6
_FIRST_FORMAT = 164  # the lower ones are Excel's own


def decimal_style(scale: int) -> str:
    """Return the attribute of cells that show so many decimals."""
    return f' s="{_FIRST_DECIMAL_STYLE + scale - 1}"' if 1 <= scale <= DECIMAL_MAX_SCALE else ""


def _styles() -> str:
    codes = ["yyyy\\-mm\\-dd", "yyyy\\-mm\\-dd\\ hh:mm:ss", "hh:mm:ss", *(f"0.{'0' * n}" for n in range(1, 16))]
    formats = "".join(f'<numFmt numFmtId="{_FIRST_FORMAT + i}" formatCode="{code}"/>' for i, code in enumerate(codes))
    cell = '<xf numFmtId="{}" fontId="{}" fillId="0" borderId="0" xfId="0" {}/>'
    cells = [cell.format(0, 0, ""), cell.format(0, 1, 'applyFont="1"')]
    cells += [cell.format(_FIRST_FORMAT + i, 0, 'applyNumberFormat="1"') for i in range(3)]
    cells += [cell.format(49, 0, 'quotePrefix="1" applyNumberFormat="1"')]
    cells += [cell.format(_FIRST_FORMAT + i, 0, 'applyNumberFormat="1"') for i in range(3, len(codes))]
    font = '<font>{}<sz val="11"/><name val="Calibri"/><family val="2"/></font>'
    return (
        f'{XML}<styleSheet xmlns="{MAIN}"><numFmts count="{len(codes)}">{formats}</numFmts>'
        f'<fonts count="2">{font.format("")}{font.format("<b/>")}</fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill>'
        '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(cells)}">{"".join(cells)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


STATIC_PARTS = {
    "_rels/.rels": (
        f'{XML}<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/styles.xml": _styles(),
}


def content_types(sheets: int) -> str:
    """Return the part that says what each part is."""
    parts = [("workbook.xml", "sheet.main"), ("styles.xml", "styles")]
    parts += [(f"worksheets/sheet{number}.xml", "worksheet") for number in range(1, sheets + 1)]
    overrides = "".join(f'<Override PartName="/xl/{part}" ContentType="{TYPES}.{kind}+xml"/>' for part, kind in parts)
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    return (
        f'{XML}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="{relations}"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def workbook(names: Sequence[str]) -> str:
    """Return the part that names the sheets."""
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>' for number, name in enumerate(names, 1)
    )
    return f'{XML}<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{sheets}</sheets></workbook>'


def workbook_relations(sheets: int) -> str:
    """Return the part that says where sheets and styles are."""
    each = '<Relationship Id="rId{}" Type="' + RELATIONS + '/{}" Target="{}"/>'
    found = [each.format(number, "worksheet", f"worksheets/sheet{number}.xml") for number in range(1, sheets + 1)]
    found.append(each.format(sheets + 1, "styles", "styles.xml"))
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{"".join(found)}</Relationships>'


def sheet_head(columns: Sequence[TableColumn]) -> bytes:
    """Return what comes before the rows of a sheet: the header stays in sight, dates have room."""
    widths = "".join(
        f'<col min="{number}" max="{number}" width="{_width(column)}" customWidth="1"/>'
        for number, column in enumerate(columns, 1)
    )
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    head = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews><cols>{widths}</cols><sheetData>'
    return f'{XML}<worksheet xmlns="{MAIN}">{head}'.encode()


def sheet_tail() -> bytes:
    """Return what comes after the rows of a sheet."""
    return b"</sheetData></worksheet>"


def _width(column: TableColumn) -> int:
    least = {ValueKind.DATE: 12, ValueKind.TIMESTAMP: 20, ValueKind.MOMENT: 20, ValueKind.TEXT: 16}.get(
        kind_of(column.type), 10
    )
    return min(40, max(least, len(column.name) + 2))
