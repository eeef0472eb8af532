import assert from 'node:assert/strict'
import { importPage } from '../support/page-module.js'

interface Formats {
  readonly formatNumber: (value: number, digits?: number) => string
  readonly formatValue: (value: unknown) => string
  readonly formatAge: (seconds: number) => string
  readonly formatDuration: (seconds: number) => string
  readonly formatBytes: (bytes: number) => string
}

interface Schemas {
  readonly kindOf: (schema: unknown, inside?: boolean) => string
  readonly bounds: (schema: unknown, unit?: string) => string | undefined
  readonly complaint: (schema: unknown, value: unknown, what: string, unit?: string) => string | undefined
  readonly stepOf: (schema: unknown, digits?: number) => number
}

interface Drafts {
  readonly draftOf: (schema: unknown, value: unknown) => unknown
  readonly readDraft: (schema: unknown, draft: unknown) => { ok: boolean; value?: unknown; json?: string; error?: string }
  readonly writeJson: (members: object) => string
  readonly Verbatim: new (json: string) => object
}

interface Raws {
  readonly fits: (filter: string, topic: string) => boolean
}

interface Api {
  readonly apiUrl: (path: string) => string
  readonly apiPath: (...segments: string[]) => string
}

interface Router {
  readonly href: (segments: readonly string[]) => string
  readonly match: (pattern: string, hash: string) => { get(name: string): string | undefined } | undefined
}

describe('forms and figures of the dashboard', () => {
  it('writes numbers with the digits that matter, or that are asked for', async () => {
    const { formatNumber, formatValue } = await importPage<Formats>('format.ts')
    const cases: [number, number | undefined, string][] = [
      [21.456, 1, '21.5'],
      [0, undefined, '0'],
      [-3.25, undefined, '−3.25'],
      [0.1 + 0.2, undefined, '0.3'],
      [1234.5678, undefined, '1234.568'],
      [12345, undefined, '12\u202f345'],
      [3.2e-9, undefined, '3.2e-9'],
      [6.02214e23, undefined, '6.022e23'],
      [6e23, 2, '6e23']
    ]
    for (const [value, digits, text] of cases) assert.equal(formatNumber(value, digits), text)
    assert.equal(formatValue('12345678901234567890'), '12345678901234567890')
    assert.equal(formatValue(null), '–')
  })

  it('writes ages, durations and sizes', async () => {
    const { formatAge, formatDuration, formatBytes } = await importPage<Formats>('format.ts')
    assert.deepEqual([0.2, 3.9, 99, 100, 5999, 6000, 7200, 86400 * 3].map(formatAge), [
      '< 1 s',
      '3 s',
      '99 s',
      '1 min',
      '99 min',
      '1 h 40 min',
      '2 h',
      '3 d'
    ])
    assert.deepEqual([0.000012, 0.0123, 3.014, 120].map(formatDuration), ['12 µs', '12.3 ms', '3.01 s', '2 min'])
    assert.deepEqual([999, 1500, 2_500_000].map(formatBytes), ['999 B', '1.50 kB', '2.50 MB'])
  })

  it('chooses a control for each schema', async () => {
    const { kindOf } = await importPage<Schemas>('controls/schema.ts')
    const cases: [unknown, string][] = [
      [undefined, 'json'],
      [{ type: 'number' }, 'number'],
      [{ type: 'integer', enum: [1, 2] }, 'choice'],
      [{ const: 'x' }, 'choice'],
      [{ type: 'boolean' }, 'boolean'],
      [{ type: ['number', 'null'] }, 'json'],
      [{ type: 'object' }, 'json'],
      [{ type: 'object', properties: { a: { type: 'number' } } }, 'fields'],
      [{ type: 'object', properties: { a: {} }, additionalProperties: true }, 'json'],
      [{ anyOf: [{ type: 'number' }] }, 'json'],
      [{ type: 'array', items: { type: 'number' } }, 'json']
    ]
    for (const [schema, kind] of cases) assert.equal(kindOf(schema), kind, JSON.stringify(schema))
    assert.equal(kindOf({ type: 'object', properties: { a: {} } }, true), 'json')
  })

  it('says what is wrong before the gateway is asked', async () => {
    const { complaint, bounds, stepOf } = await importPage<Schemas>('controls/schema.ts')
    const range = { type: 'number', minimum: 0, exclusiveMaximum: 10 }
    assert.equal(bounds(range, 'V'), '0 … 10 V (below 10)')
    assert.equal(bounds({ minimum: 3 }), 'at least 3')
    assert.equal(bounds({}), undefined)
    const cases: [unknown, unknown, RegExp | undefined][] = [
      [range, 9.99, undefined],
      [range, 10, /10 V is above the limit of x: allowed is 0 … 10 V/],
      [range, -1, /−1 V is below/],
      [range, 'a', /must be a number/],
      [{ type: 'integer' }, 1.5, /whole number/],
      [{ type: 'integer' }, 12345678901234567890n, undefined],
      [{ multipleOf: 0.1 }, 0.3, undefined],
      [{ multipleOf: 0.5 }, 0.3, /multiples of 0.5/],
      [{ enum: ['a', 'b'] }, 'c', /one of "a", "b"/],
      [{ type: 'string', minLength: 1 }, '', /must not be empty/],
      [{ type: 'string', pattern: '^a' }, 'b', /pattern/],
      [{ type: 'string', pattern: '(' }, 'b', undefined],
      [{ type: 'array', maxItems: 1 }, [1, 2], /at most 1/],
      [{ type: 'array', items: { type: 'number' } }, ['a'], /item 1 of x must be a number/],
      [{ type: 'object', required: ['a'] }, {}, /a is needed/],
      [{ type: 'object', additionalProperties: false, properties: { a: {} } }, { b: 1 }, /has no "b"; known are a/]
    ]
    for (const [schema, value, told] of cases) {
      const said = complaint(schema, value, 'x', 'V')
      if (told === undefined) assert.equal(said, undefined)
      else assert.match(said ?? '', told)
    }
    assert.equal(stepOf({ minimum: 0, maximum: 1200 }, 1), 1)
    assert.equal(stepOf({ minimum: 0, maximum: 1 }), 0.001)
    assert.equal(stepOf({ type: 'integer', minimum: 1, maximum: 5 }), 1)
  })

  it('reads what was typed, and loses no digit', async () => {
    const { draftOf, readDraft, writeJson, Verbatim } = await importPage<Drafts>('controls/draft.ts')
    assert.deepEqual(readDraft({ type: 'number' }, ' −2.50 '), { ok: true, value: -2.5, json: '-2.5' })
    for (const wrong of ['', 'abc', '1,200', '0x10', '1e999', '1 2']) assert.equal(readDraft({ type: 'number' }, wrong).ok, false, wrong)
    const large = readDraft({ type: 'integer' }, '12345678901234567890')
    assert.equal(large.value, 12345678901234567890n)
    assert.equal(
      writeJson({ value: new Verbatim(large.json ?? ''), note: 'a"big', check: undefined }),
      '{"value":12345678901234567890,"note":"a\\"big"}'
    )
    assert.deepEqual(draftOf({ type: 'integer' }, '12345678901234567890'), '12345678901234567890')
    const fields = {
      type: 'object',
      required: ['a', 's'],
      properties: { a: { type: 'number', default: 3 }, b: { type: 'boolean' }, s: { type: 'string' } }
    }
    assert.deepEqual(draftOf(fields, undefined), { a: '3', b: '', s: '' })
    assert.deepEqual(readDraft(fields, { a: '3', b: '', s: '' }), { ok: true, value: { a: 3, s: '' }, json: '{"a":3,"s":""}' })
    assert.match(readDraft(fields, { a: '', b: '', s: '' }).error ?? '', /a is needed/)
    assert.deepEqual(readDraft(undefined, '{"x": [1]}'), { ok: true, value: { x: [1] }, json: '{"x": [1]}' })
    assert.match(readDraft(undefined, 'open').error ?? '', /needs "quotes"/)
  })

  it('sends JSON as it was typed, and refuses what no number can hold', async () => {
    const { readDraft } = await importPage<Drafts>('controls/draft.ts')
    const typed = '[12345678901234567890, 9007199254740993, "1e400 \\" 1e400"]'
    assert.equal(readDraft({ type: 'array' }, typed).json, typed)
    assert.match(readDraft({ type: 'array' }, '[1, -1e400]').error ?? '', /-1e400 is too large/)
    const member = { type: 'object', properties: { ids: { type: 'array' } } }
    assert.equal(readDraft(member, { ids: '[12345678901234567890]' }).json, '{"ids":[12345678901234567890]}')
  })

  it('keeps members of the present value that have no field', async () => {
    const { draftOf, readDraft } = await importPage<Drafts>('controls/draft.ts')
    const open = { type: 'object', properties: { a: { type: 'number' } } }
    const draft = draftOf(open, { a: 1, other: 2 })
    assert.deepEqual(readDraft(open, draft).value, { a: 1, other: 2 })
    assert.deepEqual(draftOf({ ...open, additionalProperties: false }, { a: 1, other: 2 }), { a: '1' })
    assert.deepEqual(draftOf(open, { a: 1 }), { a: '1' })
  })

  it('has a way to every name, and never to another', async () => {
    const { href, match } = await importPage<Router>('router.ts')
    for (const name of ['', '%', 'a/b', '..', 'é'])
      assert.equal(match('/devices/:device/:codename', href(['devices', 'd', name]))?.get('codename'), name, name)
    const { apiPath } = await importPage<Api>('api.ts')
    for (const name of ['', '.', '..']) {
      const { pathname } = new URL(`api/${apiPath('devices', 'd', name, 'history')}`, 'http://x/')
      assert.match(pathname, /^\/api\/devices\/d\/%25[^/]*\/history$/)
    }
  })

  it('matches filters as a broker does', async () => {
    const { fits } = await importPage<Raws>('store/fits.ts')
    const cases: [string, string, boolean][] = [
      ['#', 'a/b', true],
      ['#', '$SYS/x', false],
      ['a/#', 'a', true],
      ['a/+', 'a', false],
      ['a/+', 'a/b', true],
      ['a/+', 'a/b/c', false],
      ['+/b/#', 'a/b/c/d', true],
      ['a/b', 'a/c', false]
    ]
    for (const [filter, topic, expected] of cases) assert.equal(fits(filter, topic), expected, `${filter} ${topic}`)
  })

  it('asks below the page, wherever a proxy has put it', async () => {
    const { apiUrl } = await importPage<Api>('api.ts')
    assert.deepEqual(['/api', 'api/devices', '/api/log?after=3', 'runs', '/apiary', '/api?x'].map(apiUrl), [
      'api',
      'api/devices',
      'api/log?after=3',
      'api/runs',
      'api/apiary',
      'api?x'
    ])
  })
})
