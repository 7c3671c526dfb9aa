from fastapi.testclient import TestClient

from hot.main import app


def test_greeting() -> None:
    assert TestClient(app).get("/").json()["message"] == "Hello"
