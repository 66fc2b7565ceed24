# One image for every process of the shop: `docker run tillstream <command>`, the commands of `till`.
ARG NODE=node:24-bookworm-slim

FROM ${NODE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

# What runs: no development packages, and none of the embedded servers, which have no place beside real ones.
FROM ${NODE} AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM ${NODE}
WORKDIR /app
COPY package.json ./
COPY --from=modules /app/node_modules ./node_modules
# The page under /docs; the one optional package that a server needs.
COPY --from=build /app/node_modules/swagger-ui-dist ./node_modules/swagger-ui-dist
COPY --from=build /app/dist ./dist
COPY migrations ./migrations
COPY proto ./proto
COPY deploy/healthcheck.mjs ./deploy/healthcheck.mjs
ENV NODE_ENV=production HOST=0.0.0.0
# All of it belongs to root: the user that runs it can change nothing.
USER node
EXPOSE 5000 8080 8081 8082 8083 8084
ENTRYPOINT ["node", "--enable-source-maps", "dist/cli/main.js"]
CMD ["--help"]
