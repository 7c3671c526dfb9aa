# The best that one can write by hand: dependencies in a stage of their own, uv mounted and not copied, cache mounts,
# bytecode, and both the environment and the code as linked layers that depend on nothing below them.
FROM python:3.13-slim AS venv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_DEV=1 UV_PYTHON_DOWNLOADS=0 UV_SYSTEM_CERTS=1 \
    UV_PROJECT_ENVIRONMENT=/opt/venv
WORKDIR /src
RUN --mount=type=bind,from=astral/uv:0.13.8,source=/uv,target=/bin/uv \
    --mount=type=cache,id={contender}-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    uv sync --frozen --no-install-project

FROM python:3.13-slim
RUN groupadd --system --gid 10001 app && useradd --system --gid 10001 --uid 10001 --create-home app
COPY --link --from=venv /opt/venv /opt/venv
COPY --link src /app/src
ENV PATH=/opt/venv/bin:$PATH VIRTUAL_ENV=/opt/venv PYTHONPATH=/app/src PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
CMD ["uvicorn", "{module}.main:app", "--host", "0.0.0.0", "--port", "8000"]
