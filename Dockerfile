# The image of Homeostat: what the lock files name, checked by hash, run by nobody in particular on a
# root that is only read. Written are /var/lib/homeostat (a volume) and /tmp.
#
#   docker build -t REGISTRY/homeostat:0.1.0 .
#   docker build -t REGISTRY/homeostat:0.1.0-git --target with-git .   # delivers learned runbooks by git
#
# A tag can be moved, a digest cannot. Releases name both:
#   --build-arg PYTHON=python:3.11-slim-bookworm@sha256:...   (docker buildx imagetools inspect TAG)
# No digest stands here, because one that nobody moves on keeps its security holes for good.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements-build.lock requirements-image.lock ./
# Wheels only: nothing that is installed gets to run anything here.
RUN ["python", "-m", "pip", "install", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r", "requirements-build.lock"]
RUN ["python", "-m", "venv", "--without-pip", "/opt/homeostat"]
RUN ["python", "-m", "pip", "--python", "/opt/homeostat/bin/python", "install", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r", "requirements-image.lock"]
COPY pyproject.toml README.md CHANGELOG.md ./
COPY agent agent
COPY plugins plugins
COPY runbooks runbooks
RUN ["python", "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist"]
# It is the only wheel in that folder, and no index is asked for it: there the name is somebody else's.
RUN ["python", "-m", "pip", "--python", "/opt/homeostat/bin/python", "install", "--no-deps", "--no-index", "--find-links", "dist", "homeostat"]

FROM ${PYTHON} AS runtime
RUN ["install", "--directory", "--owner=10001", "--group=10001", "--mode=0700", "/var/lib/homeostat"]
COPY --from=build /opt/homeostat /opt/homeostat
ENV PATH=/opt/homeostat/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/homeostat
WORKDIR /var/lib/homeostat
USER 10001:10001
EXPOSE 8420
STOPSIGNAL SIGTERM
# The kubelet probes /-/alive and /-/ready itself.
HEALTHCHECK NONE
ENTRYPOINT ["/opt/homeostat/bin/homeostat"]
CMD ["run", "--config", "/etc/homeostat/homeostat.yaml"]

FROM runtime AS with-git
USER 0:0
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git openssh-client \
 && rm -rf /var/lib/apt/lists/*
USER 10001:10001

FROM runtime AS image
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="homeostat" \
      org.opencontainers.image.description="Autonomous ops agent" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
