"""Whether a clean build of the console is what is committed, byte for byte: `make console-check`.

Compressed copies are compared by what is in them: two versions of Node compress differently.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CONSOLE = Path(__file__).parent
COMMITTED = CONSOLE.parent / "filesync_dagster" / "web" / "static"
COMPRESSED = (".gz", ".br")


def main() -> int:
    """Build and compare; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="filesync-console-") as folder:
        variables = {**os.environ, "FILESYNC_CONSOLE_OUT": folder}
        subprocess.run(["npm", "run", "--silent", "build"], cwd=CONSOLE, env=variables, check=True)
        anew, committed = (about(Path(place)) for place in (folder, COMMITTED))
    wrong = [name for name in sorted({*anew, *committed}) if anew.get(name) != committed.get(name)]
    for name in wrong:
        print(f"{name} is not what a build of the sources gives: run `make console`.")
    if not wrong:
        print(f"A clean build gives the same {len(anew)} files.")
    return 1 if wrong else 0


def about(static: Path) -> dict[str, Any]:
    """Return what a build is: the digest of its sources, and of each file that is not compressed."""
    build = json.loads((static / "BUILD.json").read_text("utf-8"))
    files = {name: facts["sha256"] for name, facts in build["files"].items() if not name.endswith(COMPRESSED)}
    return {**files, "the digest of the sources": build["sources"], "versions": build["versions"]}


if __name__ == "__main__":
    sys.exit(main())
