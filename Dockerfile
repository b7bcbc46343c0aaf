# syntax=docker/dockerfile:1
# One image for every role; the command picks it:
#   dagster-webserver -h 0.0.0.0 -p 3000 -w /opt/dagster/workspace.yaml    the UI (the default)
#   dagster-daemon run -w /opt/dagster/workspace.yaml                      schedules, sensors, the run queue
#   dagster code-server start -h 0.0.0.0 -p 4000 -m filesync_dagster.definitions
#   filesync serve --host 0.0.0.0                                          health, metrics, REST, webhooks
#   filesync sync                                                          any filesync command
# deploy/docker-compose.yaml puts them together.

ARG BASE=python:3.12-slim-bookworm

# The dependencies apart from the package: a change of ours rebuilds, ships and pulls only ours.
FROM ${BASE} AS dependencies
WORKDIR /src
COPY pyproject.toml constraints.txt ./
# All extras but the demo's: whoever mounts an endpoints.yaml may use them.
RUN python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
        extras = p["optional-dependencies"]; \
        print(*p["dependencies"], *extras["alerts"], *extras["rabbitmq"], sep="\n")' > requirements.txt \
    && pip wheel --no-cache-dir --wheel-dir /wheels --constraint constraints.txt --requirement requirements.txt \
    && cp requirements.txt /wheels/

FROM dependencies AS package
COPY README.md LICENSE dagster.yaml ./
COPY filesync_dagster filesync_dagster
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /package .

FROM ${BASE}
# tini reaps what runs leave behind and hands on signals; its version is the release's.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 filesync \
    && useradd --uid 10001 --gid filesync --home-dir /var/lib/filesync --create-home --shell /usr/sbin/nologin filesync \
    && install --directory --owner filesync --group filesync /opt/dagster /etc/filesync
RUN --mount=type=bind,from=dependencies,source=/wheels,target=/wheels \
    --mount=type=bind,source=deploy/slim.py,target=/slim.py \
    pip install --no-cache-dir --no-index --find-links /wheels --requirement /wheels/requirements.txt \
    && python /slim.py
RUN --mount=type=bind,from=package,source=/package,target=/package \
    pip install --no-cache-dir --no-index --no-deps /package/*.whl
COPY deploy/healthcheck.py /opt/filesync/healthcheck.py
COPY --chown=filesync:filesync dagster.yaml workspace.yaml /opt/dagster/

# Mount your endpoints.yaml at FILESYNC_CONFIG, and a volume at FILESYNC_HOME unless the database and the snapshots
# are elsewhere (FILESYNC_DATABASE_URL, FILESYNC_SNAPSHOT_ROOT).
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DAGSTER_HOME=/opt/dagster \
    FILESYNC_HOME=/var/lib/filesync \
    FILESYNC_CONFIG=/etc/filesync/endpoints.yaml
USER 10001:10001
WORKDIR /var/lib/filesync
EXPOSE 3000 4000 8080
HEALTHCHECK --interval=60s --timeout=60s --start-period=60s --retries=3 CMD ["python", "/opt/filesync/healthcheck.py"]
ENTRYPOINT ["tini", "-g", "--"]
CMD ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000", "-w", "/opt/dagster/workspace.yaml"]
