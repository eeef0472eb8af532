import type { FastifyInstance } from 'fastify'
import { describeRoutes } from './describe-routes.js'
import { deviceRoutes } from './device-routes.js'
import { healthRoutes } from './health-routes.js'
import { historyRoutes } from './history-routes.js'
import { infoRoutes } from './info-routes.js'
import { instancesRoutes } from './instances-routes.js'
import { noticesRoutes } from './notices-routes.js'
import type { Askers } from './askers.js'
import { loginRoutes } from './login-routes.js'
import { metricsRoutes } from './metrics-routes.js'
import type { Parts } from './parts.js'
import { reloadRoutes } from './reload-routes.js'
import { runsRoutes } from './runs-routes.js'
import { storiesRoutes } from './stories-routes.js'
import { streamRoutes } from './stream-routes.js'

/** Everything under /api. Each file of routes is one line here. */
export function routes(app: FastifyInstance, parts: Parts, askers: Askers): void {
  infoRoutes(app, parts)
  loginRoutes(app, parts, askers)
  healthRoutes(app, parts, askers)
  metricsRoutes(app, parts)
  deviceRoutes(app, parts)
  streamRoutes(app, parts)
  runsRoutes(app, parts)
  storiesRoutes(app, parts)
  noticesRoutes(app, parts)
  instancesRoutes(app, parts)
  reloadRoutes(app, parts)
  historyRoutes(app, parts)
  describeRoutes(app, parts)
}
