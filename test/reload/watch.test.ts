import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync, appendFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReloadLab, watching } from '../support/reload-lab.js'
import type { TestClient } from '../support/mqtt.js'
import { Scripted } from '../support/scripted.js'

const text = (...devices: string[]): string =>
  `${watching}devices:\n${devices.map((name) => `  ${name}: { codenames: { x: {} } }\n`).join('')}`

describe('the configuration file is watched', function () {
  this.timeout(30_000)
  let lab: ReloadLab
  let client: TestClient

  beforeEach(() => (lab = new ReloadLab([new Scripted().type])))

  afterEach(async () => await lab.stop())

  async function begin(): Promise<void> {
    await lab.start()
    client = await lab.connect()
    await client.subscribe('lab/gateway/reload')
    assert.equal((await told())['result'], 'started')
    // It watches from a moment after the start on, and looks at what came before.
    await sleep(100)
  }

  const told = async (): Promise<Record<string, unknown>> =>
    (await client.nextJson('lab/gateway/reload'))['value'] as Record<string, unknown>
  const applied = async (): Promise<unknown> => {
    const { result, reason, applied: words } = await told()
    assert.equal(result, 'applied', String(reason))
    return words
  }

  it('written in place', async () => {
    lab.write(text('a'))
    await begin()
    lab.write(text('a', 'b'))
    assert.deepEqual(await applied(), ['devices that come: b'])
    lab.write(text('b'))
    assert.deepEqual(await applied(), ['devices that go: a', 'topics that vanish: lab/a/x'])
  })

  it('written in place, slowly: it is read when it is whole', async () => {
    lab.settled = 0.5
    lab.write(text('a'))
    await begin()
    const whole = text('a', 'b', 'c', 'd')
    writeFileSync(lab.file, '')
    for (let at = 0; at < whole.length; at += 20) {
      appendFileSync(lab.file, whole.slice(at, at + 20))
      await sleep(50)
    }
    assert.deepEqual(await applied(), ['devices that come: b, c, d'])
  })

  it('replaced by another of its name, again and again', async () => {
    lab.write(text('a'))
    await begin()
    for (const name of ['b', 'c', 'd']) {
      const swap = join(dirname(lab.file), '.gateway.yaml.swp')
      writeFileSync(swap, text('a', name))
      renameSync(swap, lab.file)
      assert.match(JSON.stringify(await applied()), new RegExp(`devices that come: ${name}`))
    }
  })

  it('gone for a while: nothing changes, and it is taken when it comes back', async () => {
    lab.write(text('a'))
    await begin()
    unlinkSync(lab.file)
    const { result, reason } = await told()
    assert.deepEqual([result, reason], ['refused', 'gateway.yaml: there is no such file [file]'])
    lab.write(text('a'))
    assert.equal((await told())['result'], 'unchanged')
    lab.write(text('a', 'b'))
    assert.deepEqual(await applied(), ['devices that come: b'])
  })

  it('a link to a file, below a link to a folder that leads elsewhere then, as in Kubernetes', async () => {
    const place = dirname(lab.file)
    const put = (version: string, ...devices: string[]): void => {
      mkdirSync(join(place, version))
      writeFileSync(join(place, version, 'gateway.yaml'), text(...devices))
      symlinkSync(version, join(place, '..data_tmp'))
      renameSync(join(place, '..data_tmp'), join(place, '..data'))
    }
    put('..v1', 'a')
    symlinkSync('..data/gateway.yaml', lab.file)
    await begin()
    put('..v2', 'a', 'b')
    rmSync(join(place, '..v1'), { recursive: true })
    assert.deepEqual(await applied(), ['devices that come: b'])
    put('..v3', 'a', 'c')
    assert.deepEqual(await applied(), ['devices that come: c', 'devices that go: b', 'topics that vanish: lab/b/x'])
  })

  it('a link to a file in another folder, which is written', async () => {
    const real = join(lab.folder, 'elsewhere.yaml')
    writeFileSync(real, text('a'))
    symlinkSync(real, lab.file)
    await begin()
    writeFileSync(real, text('a', 'b'))
    assert.deepEqual(await applied(), ['devices that come: b'])
  })

  it('its folder is replaced by another, as a deployment does it', async () => {
    lab.write(text('a'))
    await begin()
    const place = dirname(lab.file)
    mkdirSync(`${place}.new`)
    writeFileSync(join(`${place}.new`, 'gateway.yaml'), text('a', 'b'))
    renameSync(place, `${place}.old`)
    renameSync(`${place}.new`, place)
    assert.deepEqual(await applied(), ['devices that come: b'])
    lab.write(text('a', 'c'))
    assert.deepEqual(await applied(), ['devices that come: c', 'devices that go: b', 'topics that vanish: lab/b/x'])
    rmSync(place, { recursive: true })
    assert.deepEqual((await told())['reason'], 'gateway.yaml: there is no such file [file]')
    mkdirSync(place)
    lab.write(text('a', 'd'))
    assert.deepEqual(await applied(), ['devices that come: d', 'devices that go: c', 'topics that vanish: lab/c/x'])
    lab.write(text('a'))
    assert.deepEqual(await applied(), ['devices that go: d', 'topics that vanish: lab/d/x'])
  })

  it('a bad one is told once, however often it is written, and nothing is read for other files', async () => {
    lab.write(text('a'))
    await begin()
    const bad = text('a').replace('codenames', 'codename')
    lab.write(bad)
    assert.equal((await told())['result'], 'refused')
    lab.write(bad)
    writeFileSync(join(dirname(lab.file), 'other.yaml'), 'x')
    lab.write(bad)
    await sleep(300)
    lab.write(text('a', 'b'))
    assert.deepEqual(await applied(), ['devices that come: b'])
    assert.equal(lab.log.lines.filter(({ message }) => message.includes('not applied')).length, 1)
  })

  it('not with reload: false', async () => {
    lab.write(text('a').replace('reload: true', 'reload: false'))
    await begin()
    lab.write(text('a', 'b').replace('reload: true', 'reload: false'))
    await sleep(300)
    await client.settled()
    assert.deepEqual(client.left, [])
    assert.deepEqual((await lab.gateway.reload('call')).applied, ['devices that come: b'])
  })
})
