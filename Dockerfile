# syntax=docker/dockerfile:1
# An image with nothing in it but Python, the packages and this project: no shell, no package manager, no root.
# Both bases are named by tag and by digest, and without a digest nothing is built: docs/delivery.md says how
# they are found and verified. Their Pythons are of one minor release, or compiled packages do not load.
ARG BUILD_IMAGE=docker.io/library/python:3.13-slim-trixie
ARG BUILD_DIGEST
ARG BASE_IMAGE=gcr.io/distroless/python3-debian13:nonroot
ARG BASE_DIGEST

FROM ${BUILD_IMAGE}@${BUILD_DIGEST} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY grammar grammar
COPY compiler compiler
COPY runtime runtime
COPY deploy deploy
# Extras for keys in key management services and for traces: EXTRAS=[aws,otel]
ARG EXTRAS=""
# Wheels alone: nothing of what is downloaded is executed while building.
RUN ["python", "-m", "pip", "wheel", "--no-cache-dir", "--no-deps", "--wheel-dir", "/wheels", "."]
RUN set -eu; wheel=$(echo /wheels/pratique-*.whl); \
    python -m pip install --no-cache-dir --only-binary=:all: --target /opt/pratique "${wheel}${EXTRAS}"; \
    python -m compileall -q /opt/pratique

# docker build --target sbom --output . writes sbom.cdx.json; docs/delivery.md
FROM build AS tools
RUN ["python", "-m", "venv", "/tools"]
RUN ["/tools/bin/pip", "install", "--no-cache-dir", "cyclonedx-bom>=7,<8"]
RUN set -eu; python -m venv --without-pip /described; \
    cp -r /opt/pratique/. /described/lib/python3.*/site-packages/; \
    /tools/bin/cyclonedx-py environment \
      --output-reproducible --output-format JSON --output-file /sbom.cdx.json /described/bin/python
FROM scratch AS sbom
COPY --from=tools /sbom.cdx.json /

FROM ${BASE_IMAGE}@${BASE_DIGEST}
COPY --from=build /opt/pratique /opt/pratique
ENV PYTHONPATH=/opt/pratique PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /
EXPOSE 8443
ENTRYPOINT ["/usr/bin/python", "/opt/pratique/bin/pratique"]
CMD ["--help"]
LABEL org.opencontainers.image.title="pratique" \
      org.opencontainers.image.description="Compiles, proves and enforces Kubernetes image policies" \
      org.opencontainers.image.licenses="Apache-2.0"
