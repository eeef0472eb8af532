import { vocabulary } from '../../schemas/instance.js'
import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { parse } from 'yaml'
import { errorClasses } from '../../gateway/errors.js'
import { generate } from '../../schemas/generate.js'

type Json = Record<string, unknown>

/** npm test runs in the root of the repository. */
const root = process.cwd()

async function read(path: string): Promise<Json> {
  return JSON.parse(await readFile(join(root, path), 'utf8')) as Json
}

function newAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, discriminator: true, strictRequired: false })
  // The package's types describe its CommonJS form, where the function is the default export of the default export.
  ;(addFormats as unknown as (ajv: Ajv2020) => void)(ajv)
  ajv.addFormat('device', true).addFormat('device/codename', true)
  return ajv.addVocabulary(vocabulary)
}

const topics = ['command', 'dead-letter', 'meta', 'reading', 'reply', 'state']

/** Calls `visit` with every schema inside `schema` that describes a part of the format: its properties and `$defs`. */
function eachPart(schema: Json, path: string, visit: (part: Json, path: string) => void): void {
  visit(schema, path)
  for (const holder of ['properties', '$defs']) {
    for (const [key, part] of Object.entries((schema[holder] ?? {}) as Record<string, Json>))
      eachPart(part, `${path}/${holder}/${key}`, visit)
  }
}

describe('schemas', () => {
  it('are what the committed types and the schema for editors were generated from (else: npm run types)', async () => {
    for (const [path, text] of await generate(root)) {
      const committed = await readFile(join(root, path), 'utf8').catch(() => 'missing')
      assert.equal(committed, text, `${path} is not up to date; run npm run types`)
    }
  }).timeout(30_000)

  it('each stand alone, are valid 2020-12, and describe every part', async () => {
    const files = (await readdir(join(root, 'schemas'))).filter((file) => file.endsWith('.schema.json')).map((file) => `schemas/${file}`)
    for (const folder of await readdir(join(root, 'adapters'), { withFileTypes: true })) {
      if (folder.isDirectory() && folder.name !== 'common') files.push(`adapters/${folder.name}/config.schema.json`)
    }
    for (const file of files) {
      const schema = await read(file).catch(() => undefined)
      if (schema === undefined) continue
      assert.equal(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema', file)
      newAjv().compile(schema)
      eachPart(schema, file, (part, path) => assert.ok(part['description'] ?? part['$ref'], `${path} has no description`))
    }
  }).timeout(30_000)

  it('know the classes of error that the gateway has', async () => {
    for (const name of ['reading', 'reply', 'dead-letter']) {
      const schema = (await read(`schemas/${name}.schema.json`)) as { $defs: { errorClass: { enum: string[] } } }
      assert.deepEqual(schema.$defs.errorClass.enum, Object.keys(errorClasses), name)
    }
  })

  it('use no tabs', async () => {
    for (const name of topics) assert.doesNotMatch(await readFile(join(root, `schemas/${name}.schema.json`), 'utf8'), /\t/)
  })

  describe('of what crosses MQTT', () => {
    const validators = new Map<string, ValidateFunction>()
    before(async () => {
      for (const name of topics) {
        const schema = await read(`schemas/${name}.schema.json`)
        validators.set(name, newAjv().compile(schema))
        for (const form of name === 'command' ? ['setCommand', 'callCommand', 'getCommand', 'historyCommand'] : [])
          validators.set(form, newAjv().compile({ $defs: schema['$defs'], $ref: `#/$defs/${form}` }))
      }
    })

    const time = '2014-10-24T11:26:55.697648Z'
    const failed = { class: 'RangeError', message: 'at most 300', retryable: false }
    const reply = { client: 'nb7', id: 'nb7-42', op: 'set', time }
    const letter = { class: 'BadPayload', client: 'nb7', payload: '{', reason: 'no JSON', rule: 'json', time, topic: 'lab/moon/power/set' }
    const accepted: [string, unknown][] = [
      ['reading', { quality: 'good', time, unit: 'W', value: 47 }],
      ['reading', { quality: 'bad', time, value: null, error: { class: 'NotFinite', message: 'NaN', retryable: false } }],
      [
        'reading',
        {
          quality: 'stale',
          time: '2014-10-24T11:26:55Z',
          value: [1, { a: 'b' }],
          x: 0,
          seq: 0,
          run: 'r1',
          source: 'restored',
          uncertainty: 0.1
        }
      ],
      ['setCommand', { value: null }],
      ['setCommand', { id: 'nb7-42', value: 300, expires: '2026-01-01T00:00:00+01:00', check: false }],
      ['callCommand', {}],
      ['callCommand', { id: 'x'.repeat(64), arguments: { a: 1 } }],
      ['getCommand', { id: '1' }],
      ['historyCommand', {}],
      ['historyCommand', { id: 'h', from: '2026-01-01T00:00:00+01:00', to: -3600, points: 100 }],
      ['historyCommand', { from: 1_700_000_000.5, limit: 100_000, order: 'newest' }],
      ['command', { value: 1 }],
      ['reply', { ...reply, phase: 'accepted' }],
      ['reply', { ...reply, phase: 'done', value: 300 }],
      ['reply', { ...reply, phase: 'done', op: 'call' }],
      ['reply', { ...reply, phase: 'accepted', op: 'history', value: { page: 1, readings: [] } }],
      ['reply', { ...reply, phase: 'failed', error: { ...failed, code: 'E7', maybeExecuted: true } }],
      ['state', { state: 'online', since: time, reason: 'it answers', via: 'moon-pull' }],
      ['meta', { declared: true, settable: true, name: 'power', unit: 'W', digits: 1, maxAge: -1, schema: { type: 'number' } }],
      [
        'meta',
        { declared: true, settable: false, name: 'p error', description: 'x', callable: { arguments: {}, returns: {}, timeout: 5 } }
      ],
      ['dead-letter', letter],
      ['dead-letter', { ...letter, payload: '/w==', encoding: 'base64', bytes: 5000, qos: 1, retain: true }]
    ]
    const refused: [string, unknown][] = [
      ['reading', { quality: 'good', time, value: null }],
      ['reading', { quality: 'good', time }],
      ['reading', { quality: 'good', time: '2014-10-24 11:26:55Z', value: 1 }],
      ['reading', { quality: 'good', time: '2014-10-24T11:26:55+00:00', value: 1 }],
      ['reading', { quality: 'good', time: '2014-10-24T11:26:55.1234567Z', value: 1 }],
      ['reading', { quality: 'good', time: '2014-13-24T11:26:55Z', value: 1 }],
      ['reading', { quality: 'good', time, value: 1, units: 'W' }],
      ['reading', 47],
      ['setCommand', {}],
      ['setCommand', { value: 1, id: '' }],
      ['setCommand', { value: 1, id: 'x'.repeat(65) }],
      ['setCommand', { value: 1, id: 7 }],
      ['setCommand', { value: 1, expires: 'tomorrow' }],
      ['callCommand', { value: 1 }],
      ['getCommand', { check: true }],
      ['historyCommand', { from: true }],
      ['historyCommand', { limit: 0 }],
      ['historyCommand', { limit: 1e6 }],
      ['historyCommand', { order: 'latest' }],
      ['historyCommand', { since: 1 }],
      ['reply', { ...reply, phase: 'failed' }],
      ['reply', { ...reply, phase: 'failed', error: failed, value: 1 }],
      ['reply', { ...reply, phase: 'done', error: failed }],
      ['reply', { ...reply, phase: 'accepted', value: 1 }],
      ['reply', { ...reply, phase: 'failed', error: { ...failed, class: 'Nonsense' } }],
      ['state', { state: 'broken', since: time, reason: 'x', via: 'y' }],
      ['meta', { declared: true, settable: true, name: 'power', schema: true }],
      ['dead-letter', { ...letter, payload: 'x'.repeat(5465) }],
      ['dead-letter', { ...letter, qos: 3 }]
    ]

    it('allow what the design shows', () => {
      for (const [name, message] of accepted) {
        const validate = validators.get(name)
        assert.ok(validate?.(message), `${name} ${JSON.stringify(message)}: ${JSON.stringify(validate?.errors)}`)
      }
    })

    it('refuse what it does not', () => {
      for (const [name, message] of refused) assert.equal(validators.get(name)?.(message), false, `${name} ${JSON.stringify(message)}`)
    })
  })

  describe('for editors', () => {
    let validate: ValidateFunction
    before(async () => {
      validate = newAjv().compile(await read('schemas/gateway.schema.json'))
    })

    it('allows the configurations that come with labgate', async () => {
      const folder = join(root, 'config')
      const names = (await readdir(folder)).filter((file) => file.endsWith('.yaml'))
      for (const name of names) {
        const ok = validate(parse(await readFile(join(folder, name), 'utf8')))
        assert.ok(ok, `${name}: ${JSON.stringify(validate.errors)}`)
      }
    })

    it('checks an entry of adapters by its type', () => {
      const pull = { id: 'pull', type: 'data-pull-server', device: 'moon' }
      assert.equal(validate({ adapters: [pull] }), true)
      assert.equal(validate({ adapters: [{ ...pull, kind: 'dates' }] }), false)
      assert.equal(validate({ adapters: [{ ...pull, answerWithin: 1 }] }), false)
      assert.equal(validate({ adapters: [{ ...pull, type: 'data-pull' }] }), false)
    })
  })
})
