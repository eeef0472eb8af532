import type { FastifyInstance } from 'fastify'
import { infoRoutes } from './info-routes.js'
import { instancesRoutes } from './instances-routes.js'
import { noticesRoutes } from './notices-routes.js'
import type { Parts } from './parts.js'
import { storiesRoutes } from './stories-routes.js'

/** Everything under /api. Each file of routes is one line here. */
export function routes(app: FastifyInstance, parts: Parts): void {
  infoRoutes(app, parts)
  storiesRoutes(app, parts)
  noticesRoutes(app, parts)
  instancesRoutes(app, parts)
}
