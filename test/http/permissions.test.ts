import assert from 'node:assert/strict'
import fastify from 'fastify'
import type { Askers } from '../../gateway/http/askers.js'
import { guard } from '../../gateway/http/guard.js'
import type { Parts } from '../../gateway/http/parts.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { UsersFile, basic } from '../support/users.js'
import { rest } from '../support/rest.js'
import type { RestAnswer } from '../support/rest.js'

/** What who has no right at all is answered, and why: the list must be changed by hand when a route comes. */
const withoutRights: Readonly<Record<string, string>> = {
  'GET /api': '200',
  'GET /api/me': '200',
  'GET /api/openapi.json': '200',
  'GET /metrics': '200',
  'GET /api/describe': '200',
  'GET /api/describe/telegraf': '200',
  'GET /api/devices': '{"devices":[]}',
  'GET /api/runs': '{"runs":[]}',
  'GET /api/devices/furnace': '404 UnknownDevice',
  'GET /api/devices/furnace/setpoint': '404 UnknownDevice',
  'GET /api/devices/furnace/setpoint/history': '404 UnknownDevice',
  'POST /api/devices/furnace/setpoint/set': '404 UnknownDevice',
  'POST /api/devices/furnace/setpoint/get': '404 UnknownDevice',
  'POST /api/devices/furnace/setpoint/call': '404 UnknownDevice',
  'GET /api/history?codename=furnace/setpoint': '404 UnknownDevice',
  'GET /api/readings?device=furnace': '404 UnknownDevice',
  'POST /api/runs': '403 rights',
  'POST /api/runs/x/stop': '403 rights',
  'GET /api/runs/x': '404 path',
  'POST /api/runs/x/verify': '404 path',
  'GET /api/runs/x/files/y': '404 path',
  'GET /api/runs/x/zip': '404 path',
  'POST /api/reload': '403 rights',
  'GET /api/stories': '403 rights',
  'GET /api/log': '403 rights',
  'GET /api/dead': '403 rights',
  'GET /api/instances': '403 rights'
}

/** Who is asked by these is asked nothing. */
const ofEverybody = ['GET /api/health', 'GET /health', 'GET /ready', 'POST /api/login', 'POST /api/logout']

const values: Readonly<Record<string, string>> = {
  device: 'furnace',
  codename: 'setpoint',
  format: 'telegraf',
  id: 'x',
  '*': 'y',
  wildcard: 'y'
}
const queries: Readonly<Record<string, string>> = { '/api/history': '?codename=furnace/setpoint', '/api/readings': '?device=furnace' }

describe('every route', () => {
  let lab: Lab
  let routes: string[]

  before(async () => {
    const people = new UsersFile({ root: 'admin', nobody: 'nothing' })
    lab = await startLab({}, `http: { port: 0 }\n${people.yaml(', anonymous: none, roles: { nothing: {} }')}${labYaml}`)
    const { paths } = (await rest(lab.httpPort, '/api/openapi.json', { headers: basic('root') })).json as {
      paths: Record<string, Record<string, unknown>>
    }
    routes = Object.entries(paths).flatMap(([path, methods]) => {
      const url = path.replace(/\{([^}]+)\}/g, (_all, name: string) => values[name] ?? assert.fail(`what stands for ${name}?`))
      return Object.keys(methods).map((method) => `${method.toUpperCase()} ${url}${queries[path] ?? ''}`)
    })
  })

  after(() => lab.stop())

  async function ask(route: string, headers: Record<string, string> = {}): Promise<RestAnswer> {
    const [method = '', path = ''] = route.split(' ')
    const body = method === 'POST' ? { body: '{}', headers: { 'content-type': 'application/json', ...headers } } : { headers }
    return await rest(lab.httpPort, path, { method, ...body })
  }

  it('asks who one is, but for those that need not', async () => {
    assert.ok(routes.length > 20)
    for (const route of routes.filter((each) => !ofEverybody.includes(each))) {
      const { status, json } = await ask(route)
      assert.deepEqual([status, json['rule']], [401, 'login'], route)
    }
    assert.deepEqual(
      ofEverybody.filter((route) => !routes.includes(route)),
      []
    )
  })

  it('asks for a right', async () => {
    assert.deepEqual(routes.filter((each) => !ofEverybody.includes(each)).sort(), Object.keys(withoutRights).sort())
    for (const [route, expected] of Object.entries(withoutRights)) {
      const answer = await ask(route, basic('nobody'))
      const { status, text } = answer
      const told = expected.startsWith('{')
        ? text
        : status === 200
          ? '200'
          : `${status} ${String(answer.json['rule'] ?? answer.json['class'])}`
      assert.equal(told, expected, route)
    }
  })

  it('says so, or there is no such route', () => {
    const app = fastify()
    guard(app, { config: { http: {} } } as Parts, {} as Askers)
    assert.throws(() => app.get('/api/new', () => ''), /GET \/api\/new does not say who may ask it/)
  })

  it('is described with what it may refuse, and how one says who one is', async () => {
    const { paths, components, security } = (await rest(lab.httpPort, '/api/openapi.json', { headers: basic('root') })).json as unknown as {
      paths: Record<string, Record<string, { responses: object; security?: object[] }>>
      components: { securitySchemes: object }
      security: object[]
    }
    assert.deepEqual(Object.keys(components.securitySchemes), ['basic', 'login'])
    assert.equal(security.length, 3)
    const { responses = {} } = paths['/api/log']?.['get'] ?? {}
    for (const status of ['401', '403', '429']) assert.ok(status in responses, status)
    assert.deepEqual(paths['/health']?.['get']?.security, [{}])
  })
})
