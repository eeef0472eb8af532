import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import type { ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { asyncApi } from '../../gateway/describe/asyncapi.js'
import { Topics } from '../../gateway/topic.js'
import { described, describedFile, files } from './described.js'

interface Document {
  readonly servers: Record<string, { readonly host: string; readonly protocol: string; readonly pathname?: string }>
  readonly channels: Record<string, { readonly address: string; readonly messages: Record<string, object> }>
  readonly operations: Record<string, Operation>
  readonly components: { readonly schemas: Record<string, object> }
}

interface Operation {
  readonly action: 'send' | 'receive'
  readonly channel: { readonly $ref: string }
  readonly messages?: readonly { readonly $ref: string }[]
  readonly reply?: { readonly channel: { readonly $ref: string }; readonly messages: readonly { readonly $ref: string }[] }
}

const lab = `
http: { port: 8081 }
broker: { root: site/lab, tcp: { host: 0.0.0.0, port: 1885, insecure: true } }
devices:
  oven:
    description: The oven in room 3
    codenames:
      temperature: { unit: °C, settable: true, schema: { type: number, minimum: 0, maximum: 1200 } }
      profile: { schema: { $ref: '#/$defs/steps', $defs: { steps: { type: array, items: { $ref: '#/$defs/step' } }, step: { type: object, required: [t] } } } }
      vent: { callable: { arguments: { type: object, properties: { seconds: { type: number } } }, returns: { type: boolean } } }
adapters: []
`

const make = (yaml: string): Document => asyncApi(described(yaml)) as unknown as Document

/** What a reference leads to; fails when there is nothing. */
function follow(document: object, reference: string): unknown {
  assert.ok(reference.startsWith('#/'), reference)
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((at, step) => {
      const next = (at as Record<string, unknown> | undefined)?.[step]
      assert.ok(next !== undefined, `${reference} leads to nothing`)
      return next
    }, document)
}

describe('AsyncAPI', () => {
  let validate: ValidateFunction
  let document: Document

  before(() => {
    const require = createRequire(import.meta.url)
    const specification = require('@asyncapi/specs/schemas/3.0.0.json') as object
    const ajv = new Ajv({ meta: false, validateSchema: false, logger: false, strict: false })
    ;(addFormats as unknown as (ajv: Ajv) => void)(ajv)
    validate = ajv.compile(specification)
    document = make(lab)
  })

  it('is refused by the specification when it is wrong', () => {
    assert.equal(validate({ ...document, channels: { a: { adress: 'typo' } } }), false)
  })

  for (const file of files)
    it(`of ${file} keeps to the specification, and refers to nothing that is not there`, () => {
      const made = asyncApi(describedFile(file))
      assert.ok(validate(made), JSON.stringify(validate.errors))
      for (const [, reference] of JSON.stringify(made).matchAll(/"\$ref":"([^"]+)"/g)) follow(made, reference as string)
    })

  it('names the servers by which others reach them, with their real ports', () => {
    const { servers } = document
    assert.deepEqual(
      Object.entries(servers).map(([name, { host, protocol, pathname }]) => [name, host, protocol, pathname]),
      [
        ['mqtt', 'lab-pi:1885', 'mqtt', undefined],
        ['ws', '127.0.0.1:8081', 'ws', '/mqtt']
      ]
    )
  })

  it('has the exact topics, and each is one that the gateway understands or writes', () => {
    const addresses = Object.values(document.channels).map(({ address }) => address)
    assert.equal(new Set(addresses).size, addresses.length)
    for (const expected of [
      'site/lab/oven',
      'site/lab/oven/temperature',
      'site/lab/oven/temperature/value',
      'site/lab/oven/temperature/meta',
      'site/lab/oven/temperature/set',
      'site/lab/oven/temperature/get',
      'site/lab/oven/temperature/history',
      'site/lab/oven/temperature/reply',
      'site/lab/oven/vent/call',
      'site/lab-dead/site/lab/oven/temperature/set',
      'site/lab-dead/site/lab/oven/temperature'
    ])
      assert.ok(addresses.includes(expected), expected)
    for (const not of ['site/lab/oven/vent', 'site/lab/oven/vent/get', 'site/lab/oven/profile/set', 'site/lab/oven/profile/value'])
      assert.ok(!addresses.includes(not), not)
    const topics = new Topics('site/lab')
    for (const address of addresses) assert.equal(topics.parse(topics.original(address) ?? address).where, 'root', address)
  })

  it('answers every command on the topic beside it, by the id', () => {
    const received = Object.values(document.operations).filter(({ action }) => action === 'receive')
    assert.ok(received.length > 0)
    for (const { channel, messages, reply } of received) {
      const { address } = follow(document, channel.$ref) as { address: string }
      const { address: beside } = follow(document, reply?.channel.$ref ?? '') as { address: string }
      assert.equal(beside, address.replace(/[^/]+$/, 'reply'))
      for (const message of [...(messages ?? []), ...(reply?.messages ?? [])]) {
        const { correlationId } = follow(document, message.$ref) as { correlationId: { $ref: string } }
        assert.deepEqual((follow(document, correlationId.$ref) as { location: string }).location, '$message.payload#/id')
      }
    }
  })

  it('describes payloads that real messages keep to, and others do not', () => {
    const ajv = new Ajv({ strict: false })
    ;(addFormats as unknown as (ajv: Ajv) => void)(ajv)
    ajv.addSchema(document, 'document')
    const check = (channel: string, message: string, payload: unknown): boolean => {
      const found = ajv.getSchema(`document#/channels/${channel}/messages/${message}/payload`)
      assert.ok(found !== undefined, `${channel} ${message}`)
      return found(payload) as boolean
    }
    const time = '2026-01-01T00:00:00Z'
    const reply = { client: 'a', id: '1', op: 'set', phase: 'done', time }
    const table: readonly [channel: string, message: string, payload: unknown, good: boolean][] = [
      ['oven.temperature.reading', 'reading', { quality: 'good', time, value: 21 }, true],
      ['oven.temperature.reading', 'reading', { quality: 'bad', time, value: null }, true],
      ['oven.temperature.reading', 'reading', { quality: 'good', time, value: 'warm' }, false],
      ['oven.temperature.reading', 'reading', { quality: 'good', value: 21 }, false],
      ['oven.temperature.set', 'set', { value: 300, id: 'x' }, true],
      ['oven.temperature.set', 'set', { value: 1201 }, false],
      ['oven.temperature.reply', 'set', { ...reply, value: 300 }, true],
      ['oven.temperature.reply', 'set', { ...reply, op: 'get', value: 300 }, false],
      ['oven.temperature.reply', 'set', { ...reply, value: 'hot' }, false],
      ['oven.vent.call', 'call', { arguments: { seconds: 2 } }, true],
      ['oven.vent.call', 'call', { arguments: { seconds: 'two' } }, false],
      ['oven.vent.reply', 'call', { ...reply, op: 'call', value: 'no' }, false],
      ['oven.profile.reading', 'reading', { quality: 'good', time, value: [{ t: 1 }] }, true],
      ['oven.profile.reading', 'reading', { quality: 'good', time, value: [{}] }, false]
    ]
    for (const [channel, message, payload, good] of table)
      assert.equal(check(channel, message, payload), good, `${channel} ${message} ${JSON.stringify(payload)}`)
  })
})
