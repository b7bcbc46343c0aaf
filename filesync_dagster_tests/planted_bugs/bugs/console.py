"""Bugs in the sources of the console: what its own tests find, and what is seen in the browser only."""

from filesync_dagster_tests.planted_bugs.bug import ConsoleBug

CODEC = "src/query/codec.test.ts"
FORMAT = "src/text/format.test.ts"
FILTERS = "src/pages/files/filters.test.ts"
PAGES = "src/query/pages.test.ts"
FORMS = "src/forms/schema.test.ts"
BRUSH = "src/charts/brush.test.ts"
CONTRAST = "src/styles/contrast.test.ts"
GENERATION = "src/pages/data/generation.test.ts"
LIVE = "src/app/live.test.ts"
SEARCH = "src/query/search.test.ts"
EXPORTED = "src/pages/data/export/exported.test.ts"
TARGET = "src/pages/data/export/target.test.ts"
UPLOAD_ROWS = "src/pages/data/sources/uploadRows.test.ts"
READING = "src/pages/data/sources/reading.test.ts"
SHELL = "filesync_dagster_tests/web/console/test_shell.py"
FLOWS = "filesync_dagster_tests/web/console/test_flows.py"
EVERY_PAGE = "filesync_dagster_tests/web/console/test_every_page.py"

BUGS = (
    ConsoleBug(
        "a count that is unknown is shown as 0",
        "src/text/format.ts",
        "return value === null || value === undefined ? UNKNOWN : whole.format(value);",
        "return whole.format(value ?? 0);",
        FORMAT,
    ),
    ConsoleBug(
        "a name turns the text around",
        "src/text/format.ts",
        "\\u2028-\\u202e",
        "",
        FORMAT,
    ),
    ConsoleBug(
        "what is filtered does not stand in the address",
        "src/query/codec.ts",
        "for (const one of (field as Field<unknown>).write(values[name])) made.append(name, one);",
        "(field as Field<unknown>).write(values[name]);",
        CODEC,
    ),
    ConsoleBug(
        "parameters that are unknown are lost from the address",
        "src/query/codec.ts",
        "const made = new URLSearchParams(search);",
        "const made = new URLSearchParams(search && '');",
        CODEC,
    ),
    ConsoleBug(
        "the owner of a field is not asked for",
        "src/pages/files/filters.ts",
        "...(filters.owner ? { owner: filters.owner } : {}),",
        "",
        FILTERS,
    ),
    ConsoleBug(
        "the size of a field loses digits",
        "src/pages/files/filters.ts",
        "&& sizeOf(`${shown}${unit}`) === size",
        "|| size >= factor",
        FILTERS,
    ),
    ConsoleBug(
        "the last page of a long list is never asked for",
        "src/query/pages.ts",
        "Math.floor(last / PAGE_ROWS)",
        "Math.floor(last / PAGE_ROWS) - 1",
        PAGES,
    ),
    ConsoleBug(
        "a secret that was not edited is lost",
        "src/forms/schema.ts",
        "else if (isSet) sent[name] = null;",
        "else if (isSet) sent[name] = '';",
        FORMS,
    ),
    ConsoleBug(
        "a brush to the left chooses nothing",
        "src/charts/brush.ts",
        "return from <= to ? [from, to] : [to, from];",
        "return [from, to];",
        BRUSH,
    ),
    ConsoleBug(
        "the progress of a generation stands still",
        "src/pages/data/generation.ts",
        "return isTold ? TOLD_POLL_MS : POLL_MS;",
        "return isTold ? TOLD_POLL_MS : false;",
        GENERATION,
    ),
    ConsoleBug(
        "text can hardly be read in the dark",
        "src/styles/base.css",
        "--text-2: light-dark(#505a66, #a9b2bf);",
        "--text-2: light-dark(#505a66, #66707c);",
        CONTRAST,
    ),
    ConsoleBug(
        "nobody tells of an export, nor asks for it often",
        "src/app/live.ts",
        'sessions: ["GET /api/sdv/"]',
        'sessions: ["GET /api/sessions"]',
        LIVE,
    ),
    ConsoleBug(
        "a list in which somebody has come far is asked for anew",
        "src/app/live.ts",
        "if (pages && pages.length > PAGES_MAX_COUNT) return false;",
        "",
        LIVE,
    ),
    ConsoleBug(
        "a size is looked for in other units",
        "src/query/search.ts",
        "g: 1e9, gb: 1e9",
        "g: 1e9, gb: 1024 ** 3",
        SEARCH,
    ),
    ConsoleBug(
        "an export is cancelled while its rows become final",
        "src/pages/data/export/exported.ts",
        '(one.state === "queued" || one.state === "exporting") && !one.cancel_asked',
        "isGoingOn(one) && !one.cancel_asked",
        EXPORTED,
    ),
    ConsoleBug(
        "a file that cannot be read is ready",
        "src/pages/data/sources/uploadRows.ts",
        'if (upload.state === "ready" && upload.problem) return "unread";',
        "",
        UPLOAD_ROWS,
    ),
    ConsoleBug(
        "a row of names that is none is found out",
        "src/pages/data/sources/reading.ts",
        'form.headerRow === "" ? null : Number(form.headerRow)',
        "Number(form.headerRow) || null",
        READING,
    ),
    ConsoleBug(
        "the password that was typed goes along with a source",
        "src/pages/data/export/target.ts",
        "choice.source ? { source: choice.source, schema }",
        "choice.source ? { source: choice.source, schema, config: choice.config }",
        TARGET,
    ),
    ConsoleBug(
        "what was looked at is not what is approved",
        "src/pages/heldSync/index.tsx",
        "body: { sync_id: seen.sync_id, digest: seen.digest }",
        "body: {}",
        FLOWS,
        "approving",
    ),
    ConsoleBug(
        "the focus is lost with a dialog",
        "src/components/Dialog.tsx",
        "if (opener instanceof HTMLElement && opener.isConnected) opener.focus();",
        "document.body.focus();",
        SHELL,
        "theme_is_chosen",
    ),
    ConsoleBug(
        "a name of a file is HTML",
        "src/pages/files/index.tsx",
        "{visible(folder && row.path.startsWith(`${folder}/`) ? row.path.slice(folder.length + 1) : row.path)}",
        "<span dangerouslySetInnerHTML={{ __html: row.path }} />",
        EVERY_PAGE,
        "hostile_names",
    ),
)
