import os

from celery import Celery

app = Celery("mailer", broker=os.environ.get("BROKER_URL", "memory://"))
app.conf.beat_schedule = {"digest": {"task": "mailer.tasks.send", "schedule": 60, "args": ["digest"]}}


@app.task
def send(message: str) -> int:
    print(f"sending {message}")
    return len(message)
