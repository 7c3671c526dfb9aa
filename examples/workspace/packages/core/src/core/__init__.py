"""What both programs share."""

import humanize


def describe(size: int) -> str:
    """A size in words."""
    return f"a parcel of {humanize.naturalsize(size)}"
