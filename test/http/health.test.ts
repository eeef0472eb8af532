import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { FakeClock } from '../support/fake-clock.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { UsersFile, basic } from '../support/users.js'
import { rest } from '../support/rest.js'
import { Scripted } from '../support/scripted.js'
import { start } from '../support/start.js'

interface Check {
  readonly name: string
  readonly status: string
  readonly reason: string
}

describe('the health of the gateway', () => {
  let lab: Lab
  const disk = new MemoryDisk()

  before(async () => {
    lab = await startLab({ openDisk: disk.open }, labYaml, new Scripted())
  })

  after(() => lab.stop())

  async function look(path = '/api/health'): Promise<{ status: number; told: string; checks: Map<string, Check> }> {
    const { status, json } = await rest(lab.httpPort, path)
    const checks = (json['checks'] as Check[]).map((check) => [check.name, check] as const)
    return { status, told: json['status'] as string, checks: new Map(checks) }
  }

  it('is good when all works', async () => {
    for (const path of ['/api/health', '/health']) {
      const { status, told, checks } = await look(path)
      assert.deepEqual([status, told], [200, 'ok'])
      for (const name of ['disk', 'queue', 'load', 'history', 'instance oven']) assert.equal(checks.get(name)?.status, 'ok', name)
    }
  })

  it('is less good when an instance does not work, and says why', async () => {
    const oven = lab.scripted.host('oven')
    for (const state of ['degraded', 'offline'] as const) {
      oven.report(state, 'the cable is out')
      const { status, told, checks } = await look()
      assert.deepEqual([status, told, checks.get('instance oven')?.reason], [200, 'degraded', `${state}: the cable is out`])
    }
    oven.report('online')
    assert.equal((await look()).told, 'ok')
  })

  it('is bad when nothing can be acknowledged, until it can be again', async () => {
    const client = await lab.connect()
    const watcher = await lab.connect()
    await watcher.subscribe('lab/gateway')
    disk.failure = Object.assign(new Error("ENOSPC: no space left on device, write '/var/data/labgate/000003.log'"), { code: 'ENOSPC' })
    const published = client.publish('kept', '1', { retain: true })
    await watcher.next(({ text }) => text.includes('degraded'))
    const { status, told, checks } = await look('/health')
    assert.deepEqual([status, told, checks.get('disk')?.status], [503, 'failing', 'failing'])
    assert.match(checks.get('disk')?.reason ?? '', /ENOSPC.*nothing is acknowledged.*free space/)
    assert.doesNotMatch(checks.get('disk')?.reason ?? '', /var/)
    disk.failure = undefined
    await published
    await watcher.next(({ text }) => text.includes('"online"'))
    assert.deepEqual([(await look()).status], [200])
  })
})

describe('whether the gateway is ready', () => {
  it('is told once every instance has been tried, also one that cannot start; to strangers without names', async () => {
    const scripted = new Scripted()
    let tried: (error?: Error) => void = () => {}
    scripted.start = async () =>
      await new Promise<void>((resolve, reject) => (tried = (error) => (error === undefined ? resolve() : reject(error))))
    const people = new UsersFile({ root: 'admin' })
    const lab = await startLab({}, `http: { port: 0 }\n${people.yaml(', anonymous: none')}${labYaml}`, scripted)
    try {
      const ready = async (headers = {}): Promise<[number, unknown]> => {
        const { status, json } = await rest(lab.httpPort, '/ready', { headers })
        return [status, json]
      }
      const reason = (which: string): unknown => ({ ready: false, reasons: [`${which} has not been started yet`] })
      assert.deepEqual(await ready(basic('root')), [503, reason('the instance oven')])
      assert.deepEqual(await ready(), [503, reason('an instance')])
      tried(new Error('nobody answers'))
      while ((await ready())[0] === 503);
      assert.deepEqual(await ready(), [200, { ready: true, reasons: [] }])
      lab.gateway.operation.stop()
      assert.deepEqual(await ready(), [503, { ready: false, reasons: ['the gateway is stopping'] }])
    } finally {
      await lab.stop()
    }
  })

  it('is not told of a gateway that can acknowledge nothing', async () => {
    const failing = new MemoryDisk()
    const lab = await startLab({ openDisk: failing.open }, labYaml, new Scripted())
    try {
      const watcher = await lab.connect()
      await watcher.subscribe('lab/gateway')
      failing.failure = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
      const published = (await lab.connect()).publish('kept', '1', { retain: true })
      await watcher.next(({ text }) => text.includes('degraded'))
      const { status, json } = await rest(lab.httpPort, '/ready')
      assert.equal(status, 503)
      assert.match(String(json['reasons']), /nothing is acknowledged/)
      failing.failure = undefined
      await published
      assert.equal((await rest(lab.httpPort, '/ready')).status, 200)
    } finally {
      await lab.stop()
    }
  })
})

describe('the health, when the file of users is damaged', () => {
  it('is less good, and so is the state of the gateway, until it can be read', async () => {
    const users = new UsersFile({ ada: 'admin' })
    const clock = new FakeClock()
    const lab = await start(`access: { users: ${users.path}, anonymous: admin }\n`, { clock })
    try {
      const look = async (): Promise<(string | undefined)[]> => {
        await clock.pass(2)
        // A login looks at the file, and waits for that.
        await rest(lab.httpPort, '/api/health', { headers: { authorization: `Basic ${Buffer.from('ada:ada-ada').toString('base64')}` } })
        const { json } = await rest(lab.httpPort, '/api/health')
        const check = (json['checks'] as Check[]).find(({ name }) => name === 'users')
        return [check?.status, check?.reason]
      }
      assert.deepEqual(await look(), ['ok', ''])
      const watcher = await lab.connect()
      await watcher.subscribe('lab/gateway')
      writeFileSync(users.path, '{"version": 1, "users": {,}}')
      const [status, reason = ''] = await look()
      assert.equal(status, 'degraded')
      assert.match(reason, /also who was removed since/)
      assert.ok(!reason.includes(users.path))
      assert.match((await watcher.next(({ text }) => text.includes('degraded'))).text, /file of users/)
      users.change({ set: [['bob', 'observer']] })
      assert.deepEqual(await look(), ['ok', ''])
      await watcher.next(({ text }) => text.includes('"online"'))
    } finally {
      await lab.stop()
    }
  })
})
