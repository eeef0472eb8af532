import type { FastifyInstance } from 'fastify'
import { historyRoutes } from './history-routes.js'
import { infoRoutes } from './info-routes.js'
import type { Parts } from './parts.js'

/** Everything under /api. Each file of routes is one line here. */
export function routes(app: FastifyInstance, parts: Parts): void {
  infoRoutes(app, parts)
  historyRoutes(app, parts)
}
