import assert from 'node:assert/strict'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ReloadLab, quiet } from '../support/reload-lab.js'
import { rest } from '../support/rest.js'
import { Scripted } from '../support/scripted.js'
import { UdpClient } from '../support/udp.js'

const invalid = join('test', 'gateway', 'config', 'invalid')

const good = `${quiet}devices:
  oven:
    codenames:
      t: { unit: C, schema: { type: number } }
      setpoint: { settable: true, schema: { type: number } }
adapters:
  - { id: ovens, type: scripted, feeds: [oven], executes: [oven/setpoint] }
  - { id: page, type: data-pull-server, port: 0, device: oven }
`

type Bad = [why: string, text: string | Buffer | undefined]

/** Made of the good one by rule: each of them must be refused, whatever else changes in it. */
function badFiles(taken: number): Bad[] {
  const changed = (why: string, from: string, to: string): Bad => {
    assert.ok(good.includes(from), why)
    return [why, good.replace(from, to).replace('unit: C', 'unit: K')]
  }
  const page = (port: number, id: string): string => `${good}  - { id: ${id}, type: data-pull-server, port: ${port}, device: oven }\n`
  return [
    ['missing', undefined],
    ['empty', ''],
    ['blank', ' \n\n'],
    ['only a comment', '# nothing\n'],
    ['binary', Buffer.from([0, 1, 2, 3, 255, 254, 0])],
    ['not UTF-8', Buffer.concat([Buffer.from(good), Buffer.from([0x23, 0xff, 0x0a])])],
    ['UTF-16', Buffer.from(`\uFEFF${good}`, 'utf16le')],
    ['a number', '42'],
    ['a list', '- a\n- b\n'],
    ...[0.3, 0.5, 0.7].map((part): Bad => [`half-written ${part}`, `${good.slice(0, Math.floor(good.length * part))} {`]),
    ['twice', good + good],
    ['tabs', good.replaceAll('  ', '\t')],
    changed('an unknown key at the top', 'devices:', 'devizes:'),
    changed('an unknown key in a codename', 'unit: C', 'unti: C'),
    changed('an unknown key in an instance', 'device: oven }', 'device: oven, colour: red }'),
    changed('an unknown type', 'type: scripted', 'type: scirpted'),
    changed('an unknown device', 'device: oven', 'device: ovne'),
    changed('a missing key', ', device: oven', ''),
    changed('a text for a number', 'port: 0, device', 'port: any, device'),
    changed('a port that is none', 'port: 0, device', 'port: 70000, device'),
    changed('a wrong schema', '{ type: number }', '{ type: nubmer }'),
    changed('an id twice', 'id: page', 'id: ovens'),
    changed('an id like a device', 'id: page', 'id: oven'),
    changed('a variable that is not set', 'unit: C', 'unit: "${NOT_SET}"'),
    changed('exposed', 'port: 0, device', 'host: 0.0.0.0, port: 0, device'),
    changed('a right held twice', 'type: data-pull-server, port: 0, device: oven', 'type: scripted, feeds: [oven]'),
    changed('a name with a blank', '  oven:', '  my oven:'),
    changed('another name of the gateway', 'reload: false', 'reload: false, name: other'),
    changed('another port of MQTT', 'tcp: { port: 0 }', 'tcp: { port: 1 }'),
    changed('no HTTP', 'http: { port: 0 }\n', ''),
    changed('other topics', 'broker: { ', 'broker: { root: site, '),
    ['a port taken within the file', `${page(taken, 'more')}  - { id: again, type: data-pull-server, port: ${taken}, device: oven }\n`],
    ...readdirSync(invalid)
      .filter((name) => name.endsWith('.yaml') && !name.startsWith('plan-'))
      .map((name): Bad => [name, readFileSync(join(invalid, name))])
  ]
}

describe('a file that cannot be applied', function () {
  this.timeout(60_000)
  const scripted = new Scripted()
  const lab = new ReloadLab([scripted.type])

  before(async () => {
    await lab.begin(good)
    await scripted.host('ovens').publish({ device: 'oven', codename: 't', value: 20.5 }, { device: 'oven', codename: 'met', value: 1 })
  })

  after(async () => await lab.stop())

  it('changes nothing, and says why: more than 50 of them', async () => {
    const { gateway } = lab
    const port = gateway.endpoint('page')?.port ?? 0
    const subscriber = await lab.connect()
    let drops = 0
    subscriber.client.on('close', () => (drops += 1))
    await subscriber.subscribe('lab/oven/#', 'lab/gateway/reload', 'lab/+')
    const oldClient = new UdpClient()
    /** But for what the gateway says of itself. */
    const look = async (): Promise<unknown> => {
      const retained = [...(await lab.retained('lab/#'))].filter(([topic]) => !topic.startsWith('lab/gateway'))
      return {
        retained: new Map(retained),
        endpoints: gateway.endpoint('page'),
        starts: [...scripted.starts],
        stops: [...scripted.stops],
        answer: await oldClient.ask(port, 'json_wn'),
        schemas: lab.validators.size
      }
    }
    // What is compiled for a start alone is not kept.
    await gateway.reload('call')
    const before = await look()
    const bad = badFiles(port)
    assert.ok(bad.length >= 50, String(bad.length))
    subscriber.drop()
    const reasons = new Map<string, string>()
    for (const [why, text] of bad) {
      if (text === undefined) rmSync(lab.file)
      else lab.write(text)
      const error = await gateway.reload('call').then(
        () => assert.fail(`${why} was applied`),
        (thrown: unknown) => thrown as Error
      )
      const told = await subscriber.nextJson('lab/gateway/reload')
      const { result, reason, applied } = told['value'] as { result: string; reason: string; applied: string[] }
      assert.deepEqual([result, reason, applied], ['refused', error.message, []], why)
      assert.match(reason, /^gateway\.yaml:.* \[[a-z-]+\]|^restart the gateway to apply this: /i, why)
      assert.ok(!reason.includes(lab.folder), 'where the file is concerns nobody')
      reasons.set(why, reason)
    }
    assert.deepEqual(await look(), before)
    assert.deepEqual([drops, subscriber.left.filter(({ topic }) => topic !== 'lab/gateway').length], [0, 0])
    assert.equal(lab.log.lines.filter(({ message }) => message.includes('not applied')).length, bad.length)
    assert.match(reasons.get('a text for a number') ?? '', /^gateway\.yaml:11:47 adapters\[1\]\(page\)\.port: wanted a whole number/)
    assert.match(reasons.get('missing') ?? '', /there is no such file/)
    console.log(`      ${bad.length} bad files, ${new Set(reasons.values()).size} reasons`)
    await oldClient.close()
  })

  it('is told at /health as a note, until a good one came', async () => {
    const health = async (): Promise<{ status: string; checks: { name: string; status: string; reason: string }[] }> =>
      (await rest(lab.httpPort, '/health')).json as never
    lab.write(good.replace('unit: C', 'unti: C'))
    await assert.rejects(lab.gateway.reload('call'))
    const noted = await health()
    const check = noted.checks.find(({ name }) => name === 'configuration')
    assert.deepEqual([noted.status, check?.status], ['ok', 'ok'])
    assert.match(check?.reason ?? '', /not applied.*gateway\.yaml:7:\d+ devices\.oven\.codenames\.t\.unti: unknown key; nearest: unit/)
    lab.write(good)
    assert.equal((await lab.gateway.reload('call')).result, 'unchanged')
    assert.equal(
      (await health()).checks.some(({ name }) => name === 'configuration'),
      false
    )
  })
})
