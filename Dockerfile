# The server and the worker in one container: docs/self-hosting.md says how to run it, and what a container
# must be allowed for agents to be isolated in it.
#
# A tag can be moved; a digest cannot. To build on exactly what you have looked at, read the tag's digest from your own
# registry and hand it in (docs/self-hosting.md, "Pinning the base image"):
#   docker build --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:... .
ARG NODE_IMAGE=node:24-bookworm-slim
FROM ${NODE_IMAGE}

# git: mirrors and pushes. bubblewrap and socat: the local sandbox. tini: collects what dead agents leave behind.
# Versions are Debian's, so that a rebuild brings their security fixes.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bubblewrap ca-certificates git socat tini \
 && rm -rf /var/lib/apt/lists/*

# Claude Code is not ours to hand on, so it comes in when you build, in the version of package.json:
#   docker build --build-arg CLAUDE_CODE_VERSION=2.1.330 --tag remote-claude .
# Without it, mount the executable and point CLAUDE_BIN at it.
ARG CLAUDE_CODE_VERSION=""
RUN if [ -n "$CLAUDE_CODE_VERSION" ]; then npm install --global "@anthropic-ai/claude-code@$CLAUDE_CODE_VERSION"; fi

WORKDIR /app
# No optional dependency: the embedded PostgreSQL stays out, DATABASE_URL is needed.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional && npm cache clean --force
COPY LICENSE app.yml ./
COPY db ./db
COPY src ./src

# Everything that is written stands here: mirrors, sandboxes, and the .env that /setup makes.
RUN install --directory --owner=node --group=node --mode=0700 /data
VOLUME /data
WORKDIR /data
# The user node of the base image, by number, so that a cluster sees that it is not root.
USER 1000:1000
ENV NODE_ENV=production DATA_DIR=/data PORT=3000
EXPOSE 3000

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# Not npm: it would stand between the signals and the program.
ENTRYPOINT ["tini", "--"]
CMD ["node", "/app/src/start.ts"]
