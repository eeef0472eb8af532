import assert from 'node:assert/strict'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { post, rest } from '../support/rest.js'
import type { RestAnswer } from '../support/rest.js'

interface Operation {
  readonly summary?: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly description?: string
  }[]
  readonly responses: Record<string, { readonly description?: string; readonly content?: Record<string, { readonly schema: object }> }>
}

interface Description {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, object> }
}

describe('the description of REST', () => {
  let lab: Lab
  let description: Description
  let ajv: Ajv2020

  before(async () => {
    lab = await startLab()
    const answer = await rest(lab.httpPort, '/api/openapi.json')
    assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'application/json; charset=utf-8'])
    description = answer.json as unknown as Description
    ajv = new Ajv2020({ strict: false, allErrors: true })
    ;(addFormats as unknown as (ajv: Ajv2020) => void)(ajv)
    ajv.addSchema({ ...description, $id: 'description' })
    const { scripted } = lab
    for (const value of [21.5, NaN]) void scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value })
    const client = await lab.connect()
    await client.publish('lab/weather/wind', { value: 3, uncertainty: 0.1, time: '2026-01-01T00:00:00.123456Z' })
    await client.publish('lab/weather/a%20b', '{"value":[1,2],"x":[0,1]}')
  })

  after(() => lab.stop())

  /** The answer is what the description says of it. */
  function conforms(path: string, method: string, answer: RestAnswer): void {
    const operation = description.paths[path]?.[method]
    assert.ok(operation !== undefined, `${method} ${path} is not described`)
    const described = operation.responses[String(answer.status)] === undefined ? 'default' : String(answer.status)
    const type = (answer.headers['content-type'] ?? '').split(';')[0] as string
    assert.ok(
      operation.responses[described]?.content?.[type] !== undefined,
      `${method} ${path}: ${answer.status} of ${type} is not described`
    )
    const place = ['paths', path, method, 'responses', described, 'content', type, 'schema']
    const pointer = place.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).map(encodeURIComponent)
    const validate = ajv.getSchema(`description#/${pointer.join('/')}`)
    assert.ok(validate !== undefined)
    assert.equal(validate(answer.json), true, `${method} ${path}: ${JSON.stringify(validate.errors)} ${answer.text.slice(0, 500)}`)
  }

  it('is good OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(description) as unknown as Record<string, unknown>)
    assert.ok(valid, JSON.stringify(errors))
    assert.match(description.openapi, /^3\.1\./)
  })

  it('has the public schemas, and refers to nothing that is not there', () => {
    const { schemas } = description.components
    for (const name of ['Reading', 'Reply', 'Meta', 'State', 'DeadLetter', 'Problem', 'SetCommand', 'Device', 'Codename'])
      assert.ok(name in schemas, name)
    const text = JSON.stringify(description)
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) assert.ok(String(name) in schemas, name)
    assert.deepEqual(
      [...text.matchAll(/"\$ref":"(?!#\/components\/schemas\/)([^"]+)"/g)].map(([all]) => all),
      []
    )
    assert.doesNotMatch(text, /def-\d/)
  })

  it('says of every route and parameter what it is for', () => {
    for (const [path, methods] of Object.entries(description.paths))
      for (const [method, { summary, parameters = [], responses }] of Object.entries(methods)) {
        assert.ok((summary ?? '').length > 5, `${method} ${path} has no summary`)
        for (const parameter of parameters) assert.ok((parameter.description ?? '').length > 5, `${method} ${path}: ${parameter.name}`)
        assert.ok('default' in responses, path)
      }
  })

  it('is kept by what every GET answers', async () => {
    const names: Record<string, string> = { device: 'furnace', codename: 'temperature' }
    const tried: string[] = []
    for (const [path, methods] of Object.entries(description.paths)) {
      const content = methods['get']?.responses['200']?.content ?? {}
      if (!('application/json' in content)) continue
      const url = path.replace(/\{(\w+)\}/g, (_all, name: string) => names[name] ?? 'nothing')
      conforms(path, 'get', await rest(lab.httpPort, url))
      tried.push(path)
    }
    for (const url of ['/api/devices/weather', '/api/devices/stage', '/api/devices/gateway', '/api/devices/nothing'])
      conforms('/api/devices/{device}', 'get', await rest(lab.httpPort, url))
    conforms('/api/devices/{device}', 'get', await rest(lab.httpPort, '/api/devices/furnace', { headers: { accept: 'text/plain' } }))
    for (const path of ['/api', '/api/devices', '/api/devices/{device}/{codename}', '/api/health', '/api/openapi.json'])
      assert.ok(tried.includes(path), path)
  })

  it('is kept by what commands answer', async () => {
    for (const [url, body, status] of [
      ['furnace/setpoint/set', { value: 3 }, 200],
      ['furnace/setpoint/set', { value: 'x' }, 400],
      ['furnace/setpoint/set', { valu: 3 }, 400],
      ['furnace/mode/set', { value: 'heat', id: 'a' }, 200],
      ['furnace/cool/call', {}, 200],
      ['furnace/nothing/call', {}, 404],
      ['weather/wind/get', { id: 'b' }, 200],
      ['weather/rain/get', {}, 503]
    ] as const) {
      const answer = await post(lab.httpPort, `/api/devices/${url}`, body)
      assert.equal(answer.status, status, answer.text)
      conforms(`/api/devices/{device}/{codename}/${url.split('/')[2]}`, 'post', answer)
    }
  })
})
