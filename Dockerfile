# `trapline serve` in a container: Debian, its chromium-headless-shell, and the whole of Trapline. docs/one-machine.md says
# how it is run. Context: the workspace.
#
#   docker build -t trapline .
#
# The base image brings package indexes, proxies and certificates: a machine that needs any sets BASE_IMAGE, and any
# Debian 13 will do. This file uses only what every builder knows, so it builds with or without BuildKit.
ARG BASE_IMAGE=debian:trixie-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f

# -- What Debian provides: word for word as in services/crawler/Dockerfile, so that both images share the layer.
FROM ${BASE_IMAGE} AS system
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      ca-certificates chromium-headless-shell fontconfig fonts-dejavu-core fonts-liberation2 fonts-noto-cjk \
      fonts-noto-color-emoji libatomic1 python3 \
 && dpkg --purge --force-depends libgl1-mesa-dri libllvm19 libz3-4 mesa-libgallium \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/log/* /usr/share/doc/* /usr/share/man/* \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && fc-cache --system-only

# -- The locked dependencies, in an environment without pip; and what builds the packages, in another.
FROM ${BASE_IMAGE} AS dependencies
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      ca-certificates python3-pip python3-venv
COPY requirements/cli.txt requirements/build.txt /tmp/
RUN for each in cli build; do \
      python3 -m venv --without-pip /opt/$each \
      && pip --python /opt/$each/bin/python install --quiet --no-cache-dir --only-binary :all: --require-hashes \
           -r /tmp/$each.txt || exit 1; \
    done

# -- The packages, built and installed. Changes with every commit.
FROM dependencies AS code
COPY libs /src/libs
COPY services /src/services
RUN for each in /src/libs/* /src/services/*; do \
      (cd "$each" && /opt/build/bin/python -m hatchling build --target wheel >/dev/null) || exit 1; \
    done \
 && pip --python /opt/cli/bin/python install --quiet --no-cache-dir --no-index --no-deps /src/*/*/dist/*.whl

FROM system
# Postgres wants a user that has a name.
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/trapline --create-home trapline \
 && mkdir /etc/trapline
COPY --from=code /opt/cli /opt/cli
ENV PATH=/opt/cli/bin:$PATH \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp \
    XDG_CONFIG_HOME=/tmp \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TRAPLINE_BROWSER=/usr/lib/chromium/chromium-headless-shell \
    TRAPLINE_DATA_DIR=/var/lib/trapline
USER trapline
VOLUME /var/lib/trapline
STOPSIGNAL SIGTERM
# A crashed browser would leave its core, and what a page held in memory would lie there.
ENTRYPOINT ["/bin/sh", "-c", "ulimit -c 0; exec trapline \"$@\"", "trapline"]
CMD ["serve", "/etc/trapline/crawls.yaml"]
