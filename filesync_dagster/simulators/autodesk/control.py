"""What people do to a hub that is served over HTTP: the actions of its store that may be asked for."""

ACTIONS = frozenset(
    [
        "hub",
        "project",
        "archive",
        "folder",
        "upload",
        "new_version",
        "rename",
        "move",
        "hide",
        "unhide",
        "purge",
        "reserve",
        "deny",
        "advance",
        "allow",
        "share",
        "unshare",
        "bulk",
    ]
)
