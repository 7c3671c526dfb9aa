"""The program `api`."""

import os

import click

from core import describe


@click.command()
def main() -> None:
    """Says what is in the parcel."""
    click.echo(f"api: {describe(int(os.environ.get('PARCEL_SIZE', '0')))}")
