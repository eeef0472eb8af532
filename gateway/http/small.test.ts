import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { preferred } from './accept.js'
import { isOurs } from './names.js'
import { readQuery } from './query.js'
import { validatorCompiler } from './validate.js'
import { inTurns } from './views.js'

describe('small parts of the web server', () => {
  it('the media type that is liked best', () => {
    const offered = ['application/json', 'text/csv', 'application/x-ndjson']
    for (const [accept, expected] of [
      [undefined, 'application/json'],
      ['', 'application/json'],
      ['*/*', 'application/json'],
      ['text/csv', 'text/csv'],
      ['TEXT/CSV; charset=utf-8', 'text/csv'],
      ['text/*', 'text/csv'],
      ['application/x-ndjson, application/json;q=0.9', 'application/x-ndjson'],
      ['text/html, */*;q=0.1', 'application/json'],
      ['application/json;q=0, */*', 'text/csv'],
      ['text/html', undefined],
      ['text/csv;q=0', undefined],
      ['text/csv;q=7', undefined],
      [',;,=,', undefined]
    ] as const)
      assert.equal(preferred(accept, offered), expected, accept)
  })

  it('a long answer, which leaves turns to others', async () => {
    let turns = 0
    const turn = (): void => {
      turns += 1
      next = setImmediate(turn)
    }
    let next = setImmediate(turn)
    const pieces = Array.from({ length: 1001 }, (_, i) => `${i},`)
    let text = ''
    for await (const part of inTurns(pieces)) text += part
    clearImmediate(next)
    assert.equal(text, pieces.join(''))
    assert.ok(turns >= 3, `${turns}`)
    let parts = 0
    for await (const part of inTurns(['x'.repeat(300_000), 'y'.repeat(300_000)])) parts += part.length > 0 ? 1 : 0
    assert.equal(parts, 2)
  })

  it('names that lead here, and no others', () => {
    for (const host of [
      undefined,
      '',
      'localhost',
      'localhost:8080',
      '127.0.0.1:1',
      '[::1]:8080',
      '10.0.0.7',
      'labpi',
      'labpi.local',
      'LabPi.LOCAL.',
      hostname()
    ])
      assert.ok(isOurs(host, []), host)
    for (const host of [
      'evil.example',
      'evil.example:8080',
      '127.0.0.1.nip.example',
      'local.evil.example',
      'a b.c',
      ':',
      '@',
      'evil.example@127.0.0.1:x'
    ])
      assert.ok(!isOurs(host, []), host)
    assert.ok(isOurs('gateway.lab.example:8080', ['gateway.lab.example']))
    assert.ok(isOurs('GATEWAY.lab.example', ['https://gateway.lab.example:8443']))
    assert.ok(!isOurs('x.gateway.lab.example', ['gateway.lab.example']))
    assert.ok(isOurs('anything.example', ['*']))
  })

  it('questions of an address become what their schema wants, and nothing else', () => {
    const schema = {
      properties: {
        n: { type: 'integer' },
        x: { type: 'number' },
        yes: { type: 'boolean' },
        name: { type: 'string' },
        many: { type: 'array', items: { type: 'integer' } }
      }
    }
    assert.deepEqual(readQuery({ n: '12', x: '-1.5', yes: 'true', name: '12', many: '1' }, schema), {
      n: 12,
      x: -1.5,
      yes: true,
      name: '12',
      many: [1]
    })
    assert.deepEqual(readQuery({ many: ['1', 'b'] }, schema), { many: [1, 'b'] })
    for (const n of ['', ' 1', '1.0', '0x10', '1e3', '+1', '12345678901234567890']) assert.deepEqual(readQuery({ n }, schema), { n }, n)
    for (const yes of ['1', 'TRUE', '']) assert.deepEqual(readQuery({ yes }, schema), { yes })
    assert.deepEqual(readQuery({ n: ['1', '2'], constructor: '1' }, schema), { n: ['1', '2'], constructor: '1' })
  })

  it('what does not fit is refused, with its place', () => {
    const compile = validatorCompiler()
    const check = (httpPart: string, schema: object, data: unknown): { error?: Error; value?: unknown } =>
      compile({ schema, method: 'POST', url: '/', httpPart })(data) as { error?: Error; value?: unknown }
    const body = {
      type: 'object',
      additionalProperties: false,
      properties: { a: { type: 'object', properties: { b: { type: 'integer' } } } }
    }
    const refused = check('body', body, { a: { b: '1' } }).error as Error & { path: string; rule: string }
    assert.deepEqual([refused.path, refused.rule, refused.message], ['/a/b', 'type', '/a/b must be integer'])
    assert.deepEqual(check('body', body, { a: { b: 1 } }), { value: { a: { b: 1 } } })
    const query = check('querystring', { type: 'object', properties: { limit: { type: 'integer', maximum: 5 } } }, { limt: '3' }).error
    assert.deepEqual(
      [(query as Error & { path: string }).path, query?.message],
      ['?limt', 'the question of the address must not have "limt"']
    )
    assert.match(
      check('querystring', { type: 'object', properties: { limit: { type: 'integer', maximum: 5 } } }, { limit: '9' }).error?.message ?? '',
      /^\?limit must be <= 5/
    )
  })
})
