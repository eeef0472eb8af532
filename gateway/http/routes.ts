import type { FastifyInstance } from 'fastify'
import { deviceRoutes } from './device-routes.js'
import { healthRoutes } from './health-routes.js'
import { historyRoutes } from './history-routes.js'
import { infoRoutes } from './info-routes.js'
import type { Parts } from './parts.js'
import { streamRoutes } from './stream-routes.js'

/** Everything under /api. Each file of routes is one line here. */
export function routes(app: FastifyInstance, parts: Parts): void {
  infoRoutes(app, parts)
  healthRoutes(app, parts)
  deviceRoutes(app, parts)
  streamRoutes(app, parts)
  historyRoutes(app, parts)
}
