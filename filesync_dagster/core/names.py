"""Names of entries, for stores to which the case of letters does not matter."""


def fold_name(name: str) -> str:
    """Return what is the same for names that differ in the case of their letters only.

    >>> fold_name("Straße.PDF") == fold_name("STRASSE.pdf")
    True
    """
    return name.lower().casefold()
