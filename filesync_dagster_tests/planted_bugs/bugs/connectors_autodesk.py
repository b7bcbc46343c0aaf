"""Bugs in the Autodesk connector."""

from filesync_dagster_tests.planted_bugs.bug import Bug

TROUBLE = "filesync_dagster_tests/connectors/autodesk/test_trouble.py"

BUGS = (
    Bug(
        "one folder that fails ends the listing of its project",
        "connectors/autodesk/listing.py",
        "    except PART_FAILURES as error:\n        if folder.id == TOP:",
        "    except (AccessDenied, NotFound) as error:\n        if folder.id == TOP:",
        TROUBLE,
        "folder_that_always_fails",
    ),
    Bug(
        "one project that fails ends what is told of all",
        "connectors/autodesk/source.py",
        "    except PART_FAILURES as error:\n        return error",
        "    except (OSError,) as error:  # type: ignore[unreachable]\n        return error",
        TROUBLE,
        "project_that_always_fails",
    ),
    Bug(
        "what lies in a hub that does not tell its projects counts as gone",
        "connectors/autodesk/source.py",
        "                raise error\n            return iter(())",
        "                break\n            return iter(())",
        "filesync_dagster_tests/connectors/autodesk/test_projects.py",
        "one_hub_of_two",
    ),
    Bug(
        "an item is read whatever its tip version is",
        "connectors/autodesk/content.py",
        "if self._entry.version is not None and version_of(tip) != self._entry.version:",
        "if False:",
        "filesync_dagster_tests/connectors/test_contract.py",
        "TestContents and autodesk and changed_before",
    ),
)
