import assert from 'node:assert/strict'
import { Cable } from '../support/cable.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { until } from '../support/until.js'
import { Run, raw, run } from './run.js'

/** What stands on the screen after all that was written: a terminal that knows what the table uses. */
function screen(text: string): string[] {
  let lines: string[] = []
  let at = 0
  // eslint-disable-next-line no-control-regex
  for (const [piece] of text.replace(/\u001b\[(\?25[lh]|[\d;]*m|K)/g, '').matchAll(/\u001b\[\d+A|\u001b\[J|\n|\r|[^\u001b\n\r]+/g)) {
    const up = /\[(\d+)A/.exec(piece)
    if (up !== null) at -= Number(up[1])
    else if (piece === '\u001b[J') lines = lines.slice(0, at)
    else if (piece === '\n') at += 1
    else if (piece !== '\r') lines[at] = piece
  }
  return lines
}

describe('labgate watch', function () {
  this.timeout(20_000)
  let lab: Lab
  const runs: Run[] = []

  beforeEach(async () => {
    lab = await startLab()
  })
  afterEach(async () => {
    for (const one of runs.splice(0)) {
      one.line.interrupt()
      await one.over().catch(() => {})
    }
    await lab.stop()
  })

  const begin = (args: readonly string[], options: ConstructorParameters<typeof Run>[1] = {}, port = lab.httpPort): Run => {
    const made = new Run(['watch', ...args, '--url', `http://127.0.0.1:${port}`], options)
    runs.push(made)
    return made
  }
  const feed = async (codename: string, reading: object): Promise<void> => {
    await lab.scripted.host('oven').publish({ device: 'furnace', codename, value: null, ...reading })
  }
  const says = async (one: Run, pattern: RegExp, where: 'stdout' | 'stderr' = 'stdout'): Promise<void> =>
    await until(() => pattern.test(one.ended[where]), `${String(pattern)} was not said: ${one.ended.stdout}${one.ended.stderr}`)
  const shows = async (one: Run, pattern: RegExp): Promise<void> =>
    await until(
      () => screen(one.ended.stdout).some((line) => pattern.test(line)),
      `${String(pattern)} is not shown: ${screen(one.ended.stdout).join('\n')}`
    )

  it('a line for each reading that fits, until Ctrl-C', async () => {
    await feed('temperature', { value: 20.5 })
    await feed('note', { value: 'x' })
    const one = begin(['furnace/temp*', 'weather'])
    await says(one, /Z {2}furnace\/temperature {2}20\.5 C\n/)
    await feed('temperature', { value: NaN })
    await says(one, /furnace\/temperature {2}C {2}BAD NotFinite: /)
    await feed('temperature', { value: 'a\nb\u001b[2J', quality: 'uncertain' }).catch(() => {})
    await feed('setpoint', { value: 1 })
    await feed('temperature', { value: 21 })
    await says(one, /furnace\/temperature {2}21 C\n/)
    assert.doesNotMatch(one.ended.stdout, /setpoint|note/)
    one.line.interrupt()
    const { code, stderr } = await one.over()
    assert.deepEqual([code, stderr], [0, ''])
  })

  it('a line of JSON for each, as the gateway wrote it', async () => {
    await feed('temperature', { value: 20.5, unit: '°C' })
    const one = begin(['furnace/temperature', '--json'])
    await says(one, /"value":20\.5\}\n/)
    const all = one.ended.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>) // prettier-ignore
    assert.ok(all.some((told) => told['state'] === 'online' && told['device'] === 'furnace'))
    assert.deepEqual(all.find((told) => told['codename'] === 'temperature')?.['unit'], '°C')
  })

  it('a table that is rewritten in place, with ages that count up, within its terminal', async () => {
    await feed('temperature', { value: 20.5, unit: '温度' })
    await feed('note', { value: `\u001b[2J${'long '.repeat(50)}` })
    const one = begin(['furnace'], { terminal: { columns: 50, rows: 12 } })
    await shows(one, /^furnace\/temperature +20\.5 +温度/)
    await feed('temperature', { value: 22 })
    await shows(one, /^furnace\/temperature +22 /)
    await shows(one, /^furnace\/temperature +22 .* 1\.\d s$/)
    assert.doesNotMatch(one.ended.stdout.replaceAll('\r', ''), raw)
    const lines = screen(one.ended.stdout)
    assert.equal(lines.filter((line) => line.startsWith('furnace/temperature')).length, 1)
    for (const line of lines) assert.ok(line.length <= 50, line)
    assert.ok(lines.length < 12)
    one.line.interrupt()
    assert.equal((await one.over()).code, 0)
    assert.ok(one.ended.stdout.endsWith('\u001b[?25h'), 'the cursor is there again')
  })

  it('many readings do not repaint it more than five times a second', async () => {
    const one = begin(['furnace'], { terminal: { columns: 80, rows: 12 } })
    await says(one, /connected/)
    const began = performance.now()
    for (let i = 0; i < 300; i += 1) {
      await feed('temperature', { value: i })
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await shows(one, /^furnace\/temperature +299 /)
    const paints = one.ended.stdout.split('\u001b[J').length - 1
    assert.ok(paints <= 2 + ((performance.now() - began) / 1000 + 1) * 5, `${paints} paints`)
  })

  it('says when the gateway is gone, shows nothing as fresh meanwhile, and comes back by itself', async () => {
    const cable = await Cable.open(lab.httpPort)
    try {
      await feed('temperature', { value: 20.5 })
      const live = begin(['furnace'], { terminal: { columns: 80, rows: 20 } }, cable.port)
      const lines = begin(['furnace', '--lines'], {}, cable.port)
      await shows(live, /^furnace\/temperature +20\.5 /)
      await says(lines, /temperature {2}20\.5 C/)
      cable.pull()
      await shows(live, /^furnace\/temperature +20\.5 +C +NOT CONNECTED/)
      await shows(live, /^NOT CONNECTED: .*trying again/)
      await says(lines, /^NOT CONNECTED: .*trying again\n/, 'stderr')
      await feed('temperature', { value: 23 })
      cable.plug()
      await shows(live, /^furnace\/temperature +23 +C +\d/)
      await says(lines, /temperature {2}23 C/)
      await says(lines, /connected again; what came in between is in the history/, 'stderr')
      assert.equal(lines.ended.stdout.split(' 20.5 C').length, 2, 'the same reading is shown once')
    } finally {
      await cable.close()
    }
  })

  it('a stale value is called stale', async () => {
    await lab.stop()
    lab = await startLab({}, 'devices: { furnace: { codenames: { temperature: { unit: C, maxAge: 0.3 } } } }\nadapters:\n  - { id: oven, type: scripted, feeds: [furnace] }\n') // prettier-ignore
    const live = begin([], { terminal: { columns: 80, rows: 20 } })
    const lines = begin([])
    await says(live, /connected/)
    await feed('temperature', { value: 20.5 })
    await shows(live, /^furnace\/temperature +20\.5 +C +STALE/)
    await says(lines, /temperature {2}20\.5 C {2}STALE, 0\.\d s old\n/)
  })

  it('ends at once where there is nothing to watch, and when nobody reads it any more', async () => {
    assert.equal((await run(['watch', '--url', 'http://127.0.0.1:1'])).code, 1)
    const wrong = await begin(['furnce']).over()
    assert.deepEqual([wrong.code, /did you mean|no device/.test(wrong.stderr)], [1, true], wrong.stderr)
    const one = begin(['furnace'])
    await says(one, /furnace is online/)
    one.line.surroundings.output.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    assert.equal((await one.over()).code, 0)
  })
})
