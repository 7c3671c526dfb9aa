# The multi-stage Dockerfile of uv's Docker guide ("Non-editable installs"), with what the guide advises elsewhere: bytecode,
# link mode, no development dependencies. `docs/guides/integration/docker.md` of astral-sh/uv.
FROM python:3.13-slim AS builder
COPY --from=astral/uv:0.13.8 /uv /uvx /bin/
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_DEV=1 UV_PYTHON_DOWNLOADS=0 UV_SYSTEM_CERTS=1
WORKDIR /app
RUN --mount=type=cache,id={contender}-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    uv sync --locked --no-install-project --no-editable
COPY . /app
RUN --mount=type=cache,id={contender}-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    uv sync --locked --no-editable

FROM python:3.13-slim
RUN groupadd --system --gid 999 nonroot && useradd --system --gid 999 --uid 999 --create-home nonroot
COPY --from=builder /app/.venv /app/.venv
ENV PATH="/app/.venv/bin:$PATH"
USER nonroot
WORKDIR /app
CMD ["uvicorn", "{module}.main:app", "--host", "0.0.0.0", "--port", "8000"]
