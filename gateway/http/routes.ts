import type { FastifyInstance } from 'fastify'
import { deviceRoutes } from './device-routes.js'
import { healthRoutes } from './health-routes.js'
import { infoRoutes } from './info-routes.js'
import { instancesRoutes } from './instances-routes.js'
import { noticesRoutes } from './notices-routes.js'
import type { Parts } from './parts.js'
import { runsRoutes } from './runs-routes.js'
import { storiesRoutes } from './stories-routes.js'
import { streamRoutes } from './stream-routes.js'

/** Everything under /api. Each file of routes is one line here. */
export function routes(app: FastifyInstance, parts: Parts): void {
  infoRoutes(app, parts)
  healthRoutes(app, parts)
  deviceRoutes(app, parts)
  streamRoutes(app, parts)
  runsRoutes(app, parts)
  storiesRoutes(app, parts)
  noticesRoutes(app, parts)
  instancesRoutes(app, parts)
}
