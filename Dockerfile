# Two stages of one base: what builds stays behind. Any base with Python 3.11 or newer and its venv will do;
# name it by its digest where a build must be repeatable: --build-arg BASE=python@sha256:...
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /source
COPY requirements/build.txt requirements/image.txt requirements/
RUN python3 -m venv /build \
 && /build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/build.txt \
 && python3 -m venv --without-pip /opt/reconcile \
 && /build/bin/pip --python /opt/reconcile/bin/python3 install --no-cache-dir --disable-pip-version-check \
      --no-compile --only-binary :all: --require-hashes -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY reconciler reconciler
COPY schemas schemas
# Compiled here, since the root is read-only later; unchecked, since layers do not keep times to the second.
RUN /build/bin/pip wheel --disable-pip-version-check --no-deps --no-index --no-build-isolation --wheel-dir /wheel . \
 && /build/bin/pip --python /opt/reconcile/bin/python3 install --disable-pip-version-check \
      --no-compile --no-deps --no-index /wheel/*.whl \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/reconcile

FROM ${BASE}
# The official Python images come without the standard library's compiled files, and the root is read-only later.
RUN python3 -m compileall -q -x '/(test|tests|idlelib|lib2to3)/|-packages/' --invalidation-mode unchecked-hash \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && mkdir -p /config /var/lib/reconcile \
 && chown 65532:65532 /var/lib/reconcile \
 && chmod 0750 /var/lib/reconcile
COPY --from=build /opt/reconcile /opt/reconcile
COPY ops/healthcheck.py /opt/reconcile/healthcheck.py
# No caches and no home: nothing is written outside /var/lib/reconcile and /tmp.
ENV PATH=/opt/reconcile/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    RECONCILE_FILE=/config/plans.yaml \
    RECONCILE_STATUS_FILE=/var/lib/reconcile/status.json \
    RECONCILE_RUN_LISTEN=127.0.0.1:8080
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reconcile" \
      org.opencontainers.image.description="Backup plans for analytical warehouses, kept in git and carried out by a reconciler" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
VOLUME /var/lib/reconcile
USER 65532:65532
WORKDIR /var/lib/reconcile
STOPSIGNAL SIGTERM
# Whether the loop beats; never whether backups succeed, since a restart would mend none.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python3", "/opt/reconcile/healthcheck.py"]
ENTRYPOINT ["reconcile"]
CMD ["run"]
