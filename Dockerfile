# syntax=docker/dockerfile:1

FROM node:24.21.0-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The base image is the Node that package.json pins, so the copy from npm stays behind.
RUN npm ci --omit=dev && rm -rf node_modules/node-linux-* node_modules/.bin/node
COPY migrations ./migrations
COPY views ./views
COPY deploy/create-secrets.js ./deploy/
COPY src ./src

FROM node:24.21.0-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
WORKDIR /app
RUN mkdir /data && chown node:node /data
COPY --from=build --chown=root:root /app ./
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((answer) => { process.exitCode = answer.ok ? 0 : 1 }, () => { process.exitCode = 1 })"]
# Signals reach Node itself, and nothing but /data is ever written. The size: docs/performance.md.
ENTRYPOINT ["node", "--disable-sigusr1", "--max-semi-space-size=8", "src/cli/gatehouse.js"]
CMD ["serve"]
