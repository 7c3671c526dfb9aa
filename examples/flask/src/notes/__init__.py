import os
from pathlib import Path

from flask import Flask, render_template, request


def create_app() -> Flask:
    app = Flask(__name__)
    notes = Path(os.environ["NOTES"])

    @app.get("/health")
    def health() -> dict[str, object]:
        return {"status": "ok", "uid": os.getuid()}

    @app.get("/")
    def index() -> str:
        return render_template("index.html", notes=notes.read_text().splitlines() if notes.exists() else [])

    @app.post("/")
    def add() -> tuple[str, int]:
        with notes.open("a") as file:
            print(request.get_data(as_text=True), file=file)
        return "", 201

    return app
