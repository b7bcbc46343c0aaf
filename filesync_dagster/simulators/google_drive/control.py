"""What people do to a Drive that is served over HTTP: the actions of its store that may be asked for."""

ACTIONS = frozenset(
    (
        "create",
        "edit",
        "rename",
        "move",
        "trash",
        "restore",
        "delete",
        "empty_trash",
        "share",
        "unshare",
        "revoke",
        "shared_drive",
        "rename_drive",
        "remove_drive",
        "bulk",
        "path_of",
    )
)
