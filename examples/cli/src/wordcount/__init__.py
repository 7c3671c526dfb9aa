import sys
from collections import Counter
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

app = typer.Typer()


@app.command()
def count(most: int = 3, as_yaml: Annotated[bool, typer.Option("--yaml")] = False) -> None:
    """Counts the words of standard input."""
    words = Counter(sys.stdin.read().split()).most_common(most)
    if as_yaml:
        print(yaml.safe_dump(dict(words), sort_keys=False), end="")
        return
    table = Table("word", "count")
    for word, number in words:
        table.add_row(word, str(number))
    Console().print(table)
