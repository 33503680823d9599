ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY reconciler ./reconciler
COPY schemas ./schemas
RUN python3 -m venv /opt/reconcile \
 && /opt/reconcile/bin/pip install --no-cache-dir --disable-pip-version-check --compile ".[duckdb,s3]"

FROM ${BASE}
COPY --from=build /opt/reconcile /opt/reconcile
ENV PATH=/opt/reconcile/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RECONCILE_FILE=/config/plans.yaml \
    RECONCILE_STATUS_FILE=/var/lib/reconcile/status.json
RUN mkdir -p /var/lib/reconcile && chown 65532:65532 /var/lib/reconcile
VOLUME /var/lib/reconcile
USER 65532:65532
WORKDIR /var/lib/reconcile
ENTRYPOINT ["reconcile"]
CMD ["run"]
