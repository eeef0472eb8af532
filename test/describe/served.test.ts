import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { adapterTypes } from '../../adapters/index.js'
import { describeCommand } from '../../gateway/cli/describe.js'
import { formatNames } from '../../gateway/describe/index.js'
import { folder, project } from '../process/program.js'
import { CommandLine } from '../support/command-line.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { UsersFile, basic, loginOf } from '../support/users.js'
import { rest } from '../support/rest.js'

const demo = join(project, 'config/gateway.yaml')

async function command(...args: string[]): Promise<CommandLine['ended']> {
  const line = new CommandLine({ types: adapterTypes })
  await describeCommand(line.surroundings).exitOverride().parseAsync(args, { from: 'user' })
  return line.ended
}

describe('labgate describe', () => {
  it('lists the formats', async () => {
    const { code, stdout } = await command()
    assert.equal(code, 0)
    assert.deepEqual(
      stdout.split('\n').map((line) => line.split(' ')[0]),
      formatNames
    )
  })

  for (const format of formatNames)
    it(`prints ${format} of the demo`, async () => {
      const { code, stdout } = await command(format, '-c', demo)
      assert.equal(code, 0)
      assert.ok(stdout.endsWith('\n'))
      if (format !== 'telegraf') JSON.parse(stdout)
    })

  it('writes a file', async () => {
    const file = join(folder(), 'out.json')
    const { code, stdout } = await command('asyncapi', '--config', demo, '--output', file)
    assert.deepEqual([code, stdout], [0, `${file} is written`])
    assert.equal(readFileSync(file, 'utf8'), (await command('asyncapi', '-c', demo)).stdout)
  })

  it('says what is wrong', async () => {
    const bare = join(folder(), 'bare.yaml')
    writeFileSync(bare, 'adapters: []\n')
    const table: readonly [args: string[], code: number, says: RegExp][] = [
      [['asyncapy', '-c', demo], 1, /there is no format "asyncapy"; there are asyncapi, /],
      [['openapi', '-c', bare], 1, /has no http/],
      [['asyncapi', '-c', `${bare}.not`], 2, /there is no such file/],
      [['asyncapi', '-c', demo, '-o', join(folder(), 'a/b')], 2, /cannot be written/]
    ]
    for (const [args, code, says] of table) {
      const ended = await command(...args)
      assert.equal(ended.code, code)
      assert.match(ended.stderr, says)
    }
  })
})

describe('a description over HTTP', () => {
  let lab: Lab

  before(async () => {
    const people = new UsersFile({ root: 'admin', guest: 'guest', watch: 'observer' })
    const access = people.yaml(', anonymous: none, roles: { guest: { read: [lab/weather/wind] } }')
    lab = await startLab({}, `gateway: { name: pi }\nhttp: { port: 0 }\n${access}${labYaml}`)
  })

  after(async () => await lab.stop())

  const get = async (format: string, user = 'root'): ReturnType<typeof rest> =>
    await rest(lab.httpPort, `/api/describe/${format}`, { headers: basic(user) })

  it('comes in each format that is listed', async () => {
    const { json } = await rest(lab.httpPort, '/api/describe', { headers: basic('guest') })
    const { formats } = json as { formats: { format: string; type: string; file: string }[] }
    assert.deepEqual(new Set(formats.map(({ format }) => format)), new Set(formatNames))
    for (const { format, type, file } of formats) {
      const { status, headers, text } = await get(format)
      assert.deepEqual(
        [status, headers['content-type'], headers['content-disposition']],
        [200, `${type}; charset=utf-8`, `inline; filename="${file}"`]
      )
      assert.ok(text.length > 100 || format === 'node-red', text)
    }
    const { status, json: problem } = await get('asyncapy')
    assert.equal(status, 404)
    assert.match(String(problem['detail']), /there are asyncapi/)
  })

  it('of REST is the very same document everywhere, and good OpenAPI', async () => {
    const served = (await rest(lab.httpPort, '/api/openapi.json', { headers: basic('root') })).text
    assert.equal((await get('openapi')).text, served)
    const file = join(folder(), 'same.yaml')
    writeFileSync(file, `gateway: { name: pi }\nhttp: { port: 0 }\n`)
    const { stdout } = await command('openapi', '-c', file)
    const printed = JSON.parse(stdout) as { info: { version: string } }
    const expected = JSON.parse(served) as { info: { version: string } }
    assert.deepEqual({ ...printed, info: { ...printed.info, version: expected.info.version } }, expected)
    const { valid, errors } = await new Validator().validate(printed as unknown as Record<string, unknown>)
    assert.ok(valid, JSON.stringify(errors))
  })

  it('has the real ports, and what was found at run time', async () => {
    const client = await lab.connect(loginOf('root'))
    await client.publish('lab/weather/hail', '3')
    const { servers, channels } = (await get('asyncapi')).json as {
      servers: Record<string, { host: string }>
      channels: Record<string, { address: string }>
    }
    assert.deepEqual([servers['mqtt']?.host, servers['ws']?.host], [`127.0.0.1:${lab.mqttPort}`, `127.0.0.1:${lab.httpPort}`])
    assert.ok(Object.values(channels).some(({ address }) => address === 'lab/weather/hail'))
  })

  it('for Grafana asks for series that /metrics has, by the same labels', async () => {
    const client = await lab.connect(loginOf('root'))
    for (const codename of ['wind', 'rain', 'drops', 'free']) await client.publish(`lab/weather/${codename}`, '3')
    const metrics = (await rest(lab.httpPort, '/metrics', { headers: basic('root') })).text
    const { panels } = (await get('grafana')).json as { panels: { targets?: { expr: string }[] }[] }
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).filter((expr) => expr.includes('codename="'))
    const asked = queries
      .filter((expr) => expr.includes('device="weather"'))
      .map((expr) => expr.replace('instance="$instance",', '').replace(/\}$/, ','))
    assert.ok(asked.length >= 4)
    for (const series of asked) assert.ok(metrics.includes(series), series)
    for (const metric of ['labgate_age_seconds', 'labgate_quality', 'labgate_device_up'])
      assert.ok(metrics.includes(`\n${metric}{`), metric)
  })

  it('has nothing that the asker may not see, and no command that he may not send', async () => {
    for (const format of formatNames.filter((name) => name !== 'openapi')) {
      const { text } = await get(format, 'guest')
      for (const hidden of ['furnace', 'stage', 'rain', 'lab/gateway']) assert.ok(!text.includes(hidden), `${format}: ${hidden}`)
    }
    const addresses = async (user: string): Promise<string[]> =>
      Object.values(((await get('asyncapi', user)).json as { channels: Record<string, { address: string }> }).channels).map(
        ({ address }) => address
      )
    assert.deepEqual(await addresses('guest'), ['lab/weather/wind'])
    const seen = await addresses('watch')
    assert.ok(seen.includes('lab/furnace/setpoint') && seen.includes('lab/furnace/setpoint/history'))
    assert.ok(!seen.some((address) => /^lab\/.*\/(set|get|call)$/.test(address)))
    assert.ok((await addresses('root')).includes('lab/furnace/setpoint/set'))
  })

  it('is made one at a time, and who asks for too many is refused', async () => {
    const statuses = await Promise.all(Array.from({ length: 12 }, async () => (await get('telegraf')).status))
    assert.deepEqual(new Set(statuses), new Set([200, 429]))
    assert.ok(statuses.filter((status) => status === 200).length >= 8)
    assert.equal((await get('telegraf')).status, 200)
  })

  it('that is too long to be made while readings come is refused, and says what to do', async () => {
    const { Describer } = await import('../../gateway/describe/describer.js')
    const { described } = await import('./described.js')
    const { devices, ...rest } = described(labYaml.replace(/^adapters:[^]*/m, 'adapters: []\n'))
    const of = {
      rest,
      devices: (async function* () {
        await Promise.resolve()
        yield* devices
      })()
    }
    const describer = new Describer(1000)
    await assert.rejects(
      describer.make('asyncapi', () => of),
      { class: 'RangeError', message: /labgate describe asyncapi/ }
    )
    await describer.stop()
  })
})
