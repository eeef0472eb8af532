import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Program, folder, main } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { ReloadLab, quiet } from '../support/reload-lab.js'
import { post } from '../support/rest.js'

const text = (...devices: string[]): string =>
  `${quiet}devices:\n${devices.map((name) => `  ${name}: { codenames: { x: {} } }\n`).join('')}`

describe('a reload that is asked for', () => {
  const lab = new ReloadLab()

  before(async () => {
    await lab.begin(text('a'))
  })

  after(async () => await lab.stop())

  it('by HTTP: checked first, then done', async () => {
    lab.write(text('a', 'b'))
    const checked = await post(lab.httpPort, '/api/reload', { check: true })
    assert.deepEqual([checked.status, checked.json], [200, { result: 'good', would: ['devices that come: b'] }])
    assert.equal((await lab.retained('lab/+')).has('lab/b'), false)
    const done = await post(lab.httpPort, '/api/reload', {})
    assert.deepEqual([done.status, done.json['result'], done.json['applied']], [200, 'applied', ['devices that come: b']])
    assert.equal((await lab.retained('lab/+')).has('lab/b'), true)
    const again = await post(lab.httpPort, '/api/reload', { check: true })
    assert.deepEqual(again.json, { result: 'unchanged', would: [] })
  })

  it('by HTTP, of a bad file: the answer says why', async () => {
    lab.write(text('a', 'b').replace('codenames', 'codename'))
    for (const check of [true, false]) {
      const { status, json } = await post(lab.httpPort, '/api/reload', { check })
      assert.equal(status, 400)
      assert.match(String(json['detail']), /^gateway\.yaml:5:8 devices\.a\.codename: unknown key; nearest: codenames/)
    }
  })

  it('by MQTT', async () => {
    lab.write(text('b', 'c'))
    const client = await lab.connect()
    await client.subscribe('lab/gateway/reload/reply')
    await client.publish('lab/gateway/reload/call', { id: '1', arguments: { check: true } })
    const [checked] = [await client.nextJson('lab/gateway/reload/reply')]
    assert.deepEqual(checked['value'], {
      result: 'good',
      would: ['devices that come: c', 'devices that go: a', 'topics that vanish: lab/a/x']
    })
    await client.publish('lab/gateway/reload/call', { id: '2' })
    const done = await client.nextJson('lab/gateway/reload/reply')
    assert.deepEqual([done['phase'], (done['value'] as { result: string }).result], ['done', 'applied'])
    assert.deepEqual([...(await lab.retained('lab/+')).keys()].sort(), ['lab/b', 'lab/c', 'lab/gateway'])
    lab.write('devices: [')
    await client.publish('lab/gateway/reload/call', { id: '3' })
    const { error } = (await client.nextJson('lab/gateway/reload/reply')) as { error: { class: string; message: string } }
    assert.equal(error.class, 'BadPayload')
    assert.match(error.message, /^gateway\.yaml:1:\d+ /)
  })

  it('by SIGHUP, which ends nothing, also where there are few file descriptors', async function () {
    this.timeout(30_000)
    const file = join(folder(), 'gateway.yaml')
    writeFileSync(file, text('a'))
    // What is lowered for want of them is no change of the file.
    const few = ['-c', 'ulimit -n 1024; exec "$@"', 'bash']
    const program = new Program('bash', [...few, process.execPath, main, 'start', '--config', file])
    try {
      const [, port] = await program.says(/MQTT over TCP on 127\.0\.0\.1:(\d+)/)
      await program.says(/too few file descriptors/)
      await program.says(/"msg":"ready"/)
      const client = await TestClient.connect(Number(port))
      await client.subscribe('lab/+')
      writeFileSync(file, text('a', 'b'))
      program.kill('SIGHUP')
      assert.match((await client.next('lab/b')).text, /offline/)
      await program.says(/"trigger":"signal","applied":\["devices that come: b"\]/)
      writeFileSync(file, 'x: 1')
      program.kill('SIGHUP')
      await program.says(/not applied: nothing has changed; mend the file/)
      assert.equal(program.running, true)
      await client.vanish()
      program.kill('SIGTERM')
      assert.equal((await program.ended()).code, 0)
    } finally {
      await program.gone()
    }
  })
})

describe('a gateway whose configuration did not come from a file', () => {
  it('says that there is nothing to read again', async () => {
    const { start } = await import('../support/start.js')
    const running = await start('adapters: []\n')
    const { status, json } = await post(running.httpPort, '/api/reload', {})
    assert.equal(status, 503)
    assert.match(String(json['detail']), /did not come from a file/)
    await running.stop()
  })
})
