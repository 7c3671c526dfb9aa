# How gunicorn runs in this container. Environment variables change it: docker run --env WORKERS=4 …
# Options on the command line and in GUNICORN_CMD_ARGS win over what is here.
import os


def number(default, *names):
    for name in names:
        value = os.environ.get(name)
        if value:
            if not value.isdecimal():
                raise SystemExit(f"{name} must be a number, not {value!r}")
            return int(value)
    return default


workers = number(1, "WORKERS", "WEB_CONCURRENCY")
threads = number(1, "THREADS")
timeout = number(30, "TIMEOUT")
graceful_timeout = number(30, "GRACEFUL_TIMEOUT")
keepalive = number(2, "KEEP_ALIVE")
max_requests = number(0, "MAX_REQUESTS")
# Workers do not end all at once.
max_requests_jitter = number(max_requests // 10, "MAX_REQUESTS_JITTER")
accesslog = "-"
# The sign of life of a worker is a file, which a disk could hold up.
worker_tmp_dir = "/dev/shm"
