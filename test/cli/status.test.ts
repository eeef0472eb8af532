import assert from 'node:assert/strict'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { until } from '../support/until.js'
import { bare, run } from './run.js'
import type { RunOptions } from './run.js'

const yaml = `
devices:
  oven: { codenames: { t: { schema: { type: number } } } }
  laser: { codenames: { power: {} } }
adapters:
  - { id: good, type: scripted, feeds: [oven] }
  - { id: bad, type: scripted, feeds: [laser] }
`

describe('labgate status', () => {
  let lab: Lab

  afterEach(async () => await lab.stop())

  const ask = async (args: readonly string[] = [], options?: RunOptions): Promise<{ code: number; stdout: string; stderr: string }> =>
    await run(['status', ...args, '--url', `http://127.0.0.1:${lab.httpPort}`], options)

  it('all is well: 0, and a table without colours', async () => {
    lab = await startLab({}, yaml.replace(/.*(id: bad|laser:).*\n/g, ''))
    await until(() => lab.log.lines.some(({ message }) => message.includes('started')) || lab.scripted.starts.length === 1, 'not started')
    await until(() => lab.gateway.address('http') !== undefined, 'no port')
    const { code, stdout, stderr } = await ask()
    assert.equal(stderr, '')
    assert.match(stdout, /\(labgate test\) at http:\/\/127\.0\.0\.1:\d+: ok, up for \d/)
    assert.match(stdout, /^device +state +for +reason$/m)
    assert.match(stdout, /^oven +online +\d/m)
    assert.match(stdout, /^good +scripted +online/m)
    assert.equal(code, 0, stdout)
  })

  it('something is offline: 1, in red on a terminal within its width, and in the JSON', async () => {
    const reason = 'Verbindung zum Ofen 温度 verloren: '.repeat(4)
    lab = await startLab({}, yaml)
    await until(() => lab.scripted.starts.length === 2, 'not started')
    lab.scripted.start = () => Promise.reject(new Error(reason))
    lab.scripted.host('bad').failed(new Error(`${reason}\u001b[2J`))
    await until(() => lab.log.lines.some(({ fields }) => JSON.stringify(fields).includes('Ofen')), 'did not fail')
    const plain = await ask()
    assert.equal(plain.code, 1, plain.stdout)
    assert.match(plain.stdout, /^bad +scripted +(offline|degraded) .*Verbindung zum Ofen 温度 verloren/m)
    assert.ok(!plain.stdout.includes('\u001b'))
    const shown = (await ask([], { terminal: { columns: 60 } })).stdout
    assert.ok(shown.includes('\u001b[31;1moffline\u001b[0m'))
    const lines = bare(shown).split('\n')
    for (const line of lines.slice(1)) assert.ok(line.length <= 60, `${line.length}: ${line}`)
    const words = lines.join(' ').replace(/ +/g, ' ')
    assert.ok(words.split('verloren').length > 4, 'nothing of the reason is left out')
    assert.ok(!(await ask([], { terminal: { columns: 60 }, env: { NO_COLOR: '1' } })).stdout.includes('\u001b'))
    const { code, stdout } = await ask(['--json'])
    const told = JSON.parse(stdout) as { ok: boolean; devices: { device: string; state: string }[]; instances: { id: string }[] }
    assert.deepEqual([code, told.ok], [1, false])
    assert.deepEqual(told.devices.find(({ device }) => device === 'laser')?.state, 'offline')
    assert.deepEqual(told.instances.map(({ id }) => id), ['good', 'bad']) // prettier-ignore
  })
})
