import json
import subprocess
from pathlib import Path

import humanize

greeting = json.loads(Path("etc/renderer.json").read_text())["greeting"]
node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
print(f"{greeting} and Node {node}; {humanize.naturalsize(1000)}")
