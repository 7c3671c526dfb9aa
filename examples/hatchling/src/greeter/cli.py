"""The command line."""

import click
from markupsafe import escape


@click.command()
@click.argument("name", default="world")
def main(name: str) -> None:
    """Greets NAME."""
    click.echo(f"Hello, {escape(name)}!")
