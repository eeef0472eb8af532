import assert from 'node:assert/strict'
import type { Exact } from '../../gateway/adapter.js'
import { jsonOf } from '../../gateway/cli/argument.js'
import { GatewayError } from '../../gateway/errors.js'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { raw, run } from './run.js'
import type { RunOptions } from './run.js'

describe('labgate read, set and call', () => {
  let lab: Lab
  let clock: FakeClock

  before(async () => {
    clock = new FakeClock()
    lab = await startLab({ clock })
  })
  after(async () => await lab.stop())

  const ask = async (args: readonly string[], options?: RunOptions): Promise<[code: number, stdout: string, stderr: string]> => {
    const { code, stdout, stderr } = await run([...args, '--url', `http://127.0.0.1:${lab.httpPort}`], options)
    return [code, stdout, stderr]
  }
  const feed = async (codename: string, reading: object): Promise<void> => {
    await lab.scripted.host('oven').publish({ device: 'furnace', codename, value: null, ...reading })
  }

  it('reads a value with unit and age beside it, and as JSON', async () => {
    await feed('temperature', { value: 47, unit: '°C' })
    assert.deepEqual(await ask(['read', 'furnace/temperature']), [0, '47\n', '°C, 0.0 s old (good for 10 s)\n'])
    await feed('anything', {
      value: new Map<string, Exact>([
        ['s', '\u001b[2J'],
        ['大きさ', [1n, 2.5]]
      ]),
      unit: 'µΩ'
    })
    assert.deepEqual(await ask(['read', 'furnace/anything']), [0, '{"s":"\\u001b[2J","大きさ":[1,2.5]}\n', 'µΩ, 0.0 s old\n'])
    const [code, stdout] = await ask(['read', 'furnace/temperature', '--json'])
    assert.equal(code, 0)
    assert.equal((JSON.parse(stdout) as { reading: { value: number } }).reading.value, 47)
  })

  it('a stale value does not come out as one, unless it is asked for', async () => {
    await feed('temperature', { value: 21.5, unit: 'C' })
    await clock.pass(35)
    assert.deepEqual(await ask(['read', 'furnace/temperature']), [
      1,
      '',
      'STALE: 21.5 C, stale, 35 s old (good for 10 s); --stale-ok prints it all the same\n'
    ])
    assert.deepEqual(await ask(['read', 'furnace/temperature', '--stale-ok']), [0, '21.5\n', 'STALE: C, stale, 35 s old (good for 10 s)\n'])
    const [code, stdout] = await ask(['read', 'furnace/temperature', '--json'])
    assert.equal(code, 1)
    assert.equal((JSON.parse(stdout) as { old: boolean }).old, true)
  })

  it('NaN is bad, a value of doubtful time uncertain, and nothing yet is said to be nothing', async () => {
    await feed('temperature', { value: NaN })
    const [code, stdout, stderr] = await ask(['read', 'furnace/temperature'])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^BAD: bad, 0\.0 s old \(good for 10 s\), NotFinite: .*\n$/)
    assert.deepEqual((await ask(['read', 'furnace/temperature', '--stale-ok'])).slice(0, 2), [1, ''])
    await feed('temperature', { value: 3, quality: 'uncertain' })
    assert.deepEqual((await ask(['read', 'furnace/temperature'])).slice(0, 2), [0, '3\n'])
    assert.match((await ask(['read', 'furnace/temperature']))[2], /^UNCERTAIN: /)
    assert.deepEqual(await ask(['read', 'furnace/cool']), [1, '', 'NONE: furnace/cool has no reading yet\n'])
  })

  it('what a terminal acts upon reaches it as text; a program gets it as it is', async () => {
    const evil = '\u001b]0;owned\u0007\u202eabc\n日本'
    await feed('note', { value: evil, unit: '\u001b[31mΩ' })
    const piped = await ask(['read', 'furnace/note'])
    assert.equal(piped[1], `${evil}\n`)
    for (const args of [
      ['read', 'furnace/note'],
      ['read', 'furnace/note', '--json'],
      ['watch', '--once', 'furnace/note'],
      ['watch', '--once', '--json', 'furnace'],
      ['history', 'furnace/note'],
      ['read', 'furnace/no\u001b[2Jte']
    ]) {
      // prettier-ignore
      const [, stdout, stderr] = await ask(args, { terminal: { columns: 80 } })
      assert.doesNotMatch(stdout + stderr, raw, args.join(' '))
    }
    assert.match((await ask(['read', 'furnace/note'], { terminal: { columns: 80 } }))[1], /^\\x1b\]0;owned\\x07\\u\{202e\}abc\n日本\n$/)
    assert.match(
      (await ask(['watch', '--once', 'furnace/note'], { terminal: { columns: 80 } }))[1],
      /\\x1b\]0;owned\\x07\\u\{202e\}abc\\n日本/
    )
  })

  it('what is bad has no value, and none is printed', async () => {
    await feed('temperature', { value: null, quality: 'bad', error: { class: 'DeviceError', message: 'open' } })
    const [code, stdout, stderr] = await ask(['read', 'furnace/temperature', '--stale-ok'])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^BAD: .*bad/)
    assert.doesNotMatch(stderr, /--stale-ok/)
  })

  it('text that is a number stays text, wherever the schema says so', () => {
    const forms = { anyOf: [{ type: 'string' }, { type: 'null' }] }
    const refers = {
      $ref: '#/$defs/text',
      $defs: { text: { oneOf: [{ enum: ['12', 'a'] }, { $ref: '#/$defs/more' }] }, more: { const: 'x' } }
    }
    for (const schema of [forms, refers]) assert.equal(jsonOf('12', schema), '"12"')
    assert.equal(jsonOf('12', { anyOf: [{ type: 'string' }, { type: 'number' }] }), '12')
    assert.equal(jsonOf('12', { anyOf: [{ type: 'string' }, {}] }), '12')
    assert.equal(jsonOf('12', { $ref: '#' }), '12')
  })

  it('sets what is meant: JSON, text, a number that is text, digit for digit', async () => {
    const told: unknown[] = []
    lab.scripted.execute = async ({ value }) => {
      told.push(value)
      return value
    }
    assert.deepEqual(await ask(['set', 'furnace/setpoint', '250.0']), [0, '250\n', 'done, in C\n'])
    assert.deepEqual((await ask(['set', 'furnace/note', '12'])).slice(0, 2), [0, '12\n'])
    assert.deepEqual((await ask(['set', 'furnace/note', 'dark frame'])).slice(0, 2), [0, 'dark frame\n'])
    assert.deepEqual((await ask(['set', 'furnace/mode', 'nan'])).slice(0, 2), [0, 'nan\n'])
    assert.deepEqual((await ask(['set', 'furnace/anything', '{"a": [1, 2.0]}'])).slice(0, 2), [0, '{"a":[1,2]}\n'])
    assert.deepEqual((await ask(['set', 'furnace/anything', '-5'])).slice(0, 2), [0, '-5\n'])
    assert.deepEqual(told, [250, '12', 'dark frame', 'nan', new Map([['a', [1n, 2]]]), -5n])
    const [, stdout] = await ask(['set', 'furnace/setpoint', '7', '--json'])
    assert.deepEqual([(JSON.parse(stdout) as { phase: string }).phase, told.length], ['done', 7])
  })

  it('calls with names and values, or JSON', async () => {
    const told: unknown[] = []
    lab.scripted.execute = async ({ value }) => {
      told.push(value)
      return 'cooling\u001b[2J'
    }
    assert.deepEqual((await ask(['call', 'furnace/cool', 'rate=2.5'], { terminal: { columns: 80 } })).slice(0, 2), [0, 'cooling\\x1b[2J\n'])
    assert.equal((await ask(['call', 'furnace/cool', '{"rate": 3}']))[0], 0)
    assert.equal((await ask(['call', 'furnace/cool']))[0], 0)
    assert.deepEqual(told, [new Map([['rate', 2.5]]), new Map([['rate', 3]]), new Map()])
    for (const [args, code, says] of [
      [['rate=2', 'rate=3'], 2, /^rate is given twice$/],
      [['rate'], 2, /^"rate" are no arguments: write them as rate=2 mode=slow, or as JSON/],
      [['rate=2', 'fast'], 2, /^"fast" is no argument/],
      [['speed=2'], 1, /^BadPayload: |additional|speed/]
    ] as const) {
      const ended = await ask(['call', 'furnace/cool', ...args])
      assert.equal(ended[0], code, ended[2])
      assert.match(ended[2], says)
    }
    assert.equal(told.length, 3)
  })

  it('only asks with --check, and nothing is done', async () => {
    lab.scripted.execute = () => Promise.reject(new Error('it was done'))
    assert.deepEqual(await ask(['set', 'furnace/setpoint', '20', '--check']), [0, '', 'it would be accepted; nothing was done\n'])
    assert.match((await ask(['set', 'furnace/setpoint', '2000', '--check'])).join(' '), /^1 {2}RangeError: /)
    assert.equal((await ask(['call', 'furnace/cool', 'rate=1', '--check']))[0], 0)
  })

  it('tells class and words of what failed, and whether it may have been done', async () => {
    lab.scripted.execute = () => Promise.reject(new GatewayError('DeviceError', 'door \u001b[2Jopen', { code: 'E7' }))
    assert.deepEqual(await ask(['set', 'furnace/setpoint', '20']), [1, '', 'DeviceError: door \\x1b[2Jopen (E7)\nTrying again may help.'])
    lab.scripted.execute = () => Promise.reject(new GatewayError('Timeout', 'no answer', { maybeExecuted: true }))
    assert.match(
      (await ask(['set', 'furnace/setpoint', '20']))[2],
      /^Timeout: no answer\nIt may have been carried out all the same: look before/
    )
    assert.match((await ask(['set', 'furnace/setpoint', 'hot']))[2], /^WrongType: value must be number \(got "hot"\)$/)
    assert.match((await ask(['set', 'furnace/temperature', '1']))[2], /^ReadOnly: /)
  })

  it('a name that is wrong gets the one that was probably meant', async () => {
    assert.match(
      (await ask(['read', 'furnace/temprature'])).join(' '),
      /^1 {2}UnknownCodename: .*did you mean "?(furnace\/)?temperature"?\?$/
    )
    assert.match((await ask(['set', 'furnce/setpoint', '1'])).join(' '), /^1 {2}UnknownDevice: .*did you mean "?furnace/)
    for (const bad of ['furnace', '/x', 'furnace/'])
      assert.match((await ask(['read', bad])).join(' '), /^2 {2}write ".*" as DEVICE\/CODENAME/)
    assert.match((await ask(['history', 'furnace/temprature'])).join(' '), /did you mean/)
  })

  it('wrong options end with 2, help with 0', async () => {
    for (const args of [
      ['read'],
      ['read', 'a/b', '--nonsense'],
      ['set', 'a/b'],
      ['set', 'a/b', '1', '--within', '-3'],
      ['history', 'a/b', '--every', 'x'],
      ['history', 'a/b', '--limit', '0'],
      ['export', '--all'],
      ['history', 'a/b', '--csv', '--json']
    ])
      // prettier-ignore
      assert.equal((await ask(args))[0], 2, args.join(' '))
    for (const name of ['status', 'doctor', 'watch', 'read', 'set', 'call', 'history', 'export']) {
      const { code, stdout } = await run([name, '--help'])
      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`Examples:\n(.*\n)*.*labgate ${name}.*\n(.*\n)*\nExit codes: 0 `))
      assert.doesNotMatch(stdout, /--password[ =<]/)
    }
  })
})
