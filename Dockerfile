# Pin the digest in your own build (node:24-slim@sha256:…): a tag can move.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Exactly the lock file, and no package's install script: none of ours needs one, and that is how worms spread.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/clean.mjs scripts/
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
# The pattern lets the build go on where there is no LICENSE file.
COPY package.json PROTOCOL.md LICENSE* ./
COPY config config
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# A number, so that Kubernetes can tell that it isn't root. Files stay root's: the process can't change its own code.
USER 10001:10001
EXPOSE 8080 9090
# Node is PID 1 and gets SIGTERM itself; npm or a shell in between would keep it. Warren handles both signals, so no init.
# Semi-spaces of 4 MB instead of 16: shorter pauses, and 1 kB less for each of 15,000 connections. One helper thread of
# V8 instead of four: on one core all of them take turns with the event loop (docs/performance.md).
CMD ["node", "--max-semi-space-size=4", "--v8-pool-size=1", "dist/main.js"]
