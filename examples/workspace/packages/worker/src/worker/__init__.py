"""Carries parcels."""

from core import describe


def main() -> None:
    """Carries one parcel."""
    print(f"worker: {describe(2048)}")
