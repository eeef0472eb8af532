# labgate as a container, for amd64, arm64 and arm/v7:
#
#   docker build -t labgate .
#   docker buildx build --platform linux/amd64,linux/arm64,linux/arm/v7 -t labgate .
#
#   docker run --rm -it -v labgate-data:/data labgate users add anna --role admin      the first user, before the first start
#   docker run -d --name labgate --init --read-only --restart unless-stopped -p 1883:1883 -p 8080:8080 -v labgate-data:/data labgate
#
# The configuration in the image is config/container.yaml; another one is mounted over /etc/labgate. README, section Install.

# What is made here is the same for every processor (classic-level brings its binaries for all), so nothing is emulated.
FROM --platform=$BUILDPLATFORM node:22-bookworm-slim AS build
WORKDIR /labgate
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json LICENSE *.md ./
COPY .ci/dashboard.mjs .ci/
COPY gateway gateway
COPY adapters adapters
COPY schemas schemas
COPY test test
COPY config config
RUN npm run build && npm pack --ignore-scripts && mkdir packed && tar -xzf labgate-*.tgz -C packed --strip-components=1

FROM --platform=$BUILDPLATFORM node:22-bookworm-slim AS packages
WORKDIR /labgate
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
ENV NODE_ENV=production
COPY --from=packages /labgate/node_modules /opt/labgate/node_modules
COPY --from=build /labgate/packed /opt/labgate
COPY config/container.yaml /etc/labgate/gateway.yaml
# Here npm is not needed, and who gets in should not find it.
RUN chmod 755 /opt/labgate/dist/gateway/main.js \
  && ln -s /opt/labgate/dist/gateway/main.js /usr/local/bin/labgate \
  && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* /usr/local/bin/yarn* \
  && mkdir /data && chown node:node /data
# Not root; 1000 is also who owns files on most Raspberry Pis, so that a mounted folder can be written.
USER node
WORKDIR /data
VOLUME /data
# Only what the configuration in the image opens. Ports of old programs: publish what your own configuration opens, UDP with /udp.
EXPOSE 1883 8080
# What /health calls failing (503) is unhealthy: the disk refuses, a certificate has expired. With http.tls or another port: set LABGATE_HEALTH.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["node", "-e", "fetch(process.env.LABGATE_HEALTH ?? 'http://127.0.0.1:8080/health', { signal: AbortSignal.timeout(8000) }).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# No init in the image: labgate ends by SIGTERM by itself; `--init` reaps what else may be started.
ENTRYPOINT ["labgate"]
CMD ["start"]
