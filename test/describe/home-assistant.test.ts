import assert from 'node:assert/strict'
import { homeAssistant } from '../../gateway/describe/home-assistant.js'
import type { Discovery } from '../../gateway/describe/home-assistant.js'
import type { Entity } from '../../gateway/describe/home-assistant-entities.js'
import { Topics } from '../../gateway/topic.js'
import { needs } from '../support/peers.js'
import { runPython } from '../peers/python.js'
import { described, describedFile, files } from './described.js'
import * as documented from './home-assistant-keys.js'

const lab = `
http: { port: 8081 }
devices:
  oven:
    description: The oven in room 3
    codenames:
      temperature: { unit: °C, digits: 1, schema: { type: number } }
      setpoint: { unit: °C, digits: 1, settable: true, schema: { type: number, minimum: 0, maximum: 1200 } }
      cycles: { settable: true, schema: { type: integer } }
      fan: { schema: { type: boolean } }
      light: { settable: true, schema: { type: boolean } }
      mode: { settable: true, schema: { type: string, enum: [heat, cool] } }
      phase: { schema: { type: string, enum: [up, down] } }
      note: { settable: true, schema: { type: string, maxLength: 1000 } }
      serial: { schema: { type: string } }
      raw: { unit: V }
      free: {}
      anything: { settable: true }
      profile: { schema: { type: array } }
      vent: { callable: {} }
      ramp: { callable: { arguments: { type: object, required: [rate] } } }
adapters: []
`

const entities = (yaml = lab, device = 'oven'): Readonly<Record<string, Entity>> => {
  const messages = Object.values(homeAssistant(described(yaml)))
  return Object.assign({}, ...messages.filter(({ dev }) => dev['name'] === device).map(({ cmps }) => cmps)) as Record<string, Entity>
}

const availabilityOf = (entity: Entity | undefined): readonly { readonly t: string; readonly val_tpl: string }[] =>
  (entity ?? assert.fail())['avty'] as never

/** Every key is one that Home Assistant documents for the place where it stands. */
function check(topic: string, message: Discovery, topics: Topics, seen: Set<string>): void {
  assert.match(topic, /^homeassistant\/device\/[A-Za-z0-9_-]+\/config$/)
  const root = documented.long(message)
  for (const key of Object.keys(root)) assert.ok(documented.root.has(key), key)
  const { device, origin, components } = root as { device: object; origin: object; components: Record<string, object> }
  const dev = documented.long(device, 'device')
  for (const key of Object.keys(dev)) assert.ok(documented.device.has(key), key)
  assert.ok(Array.isArray(dev['identifiers']) && dev['identifiers'].length > 0)
  for (const key of Object.keys(documented.long(origin, 'device'))) assert.ok(documented.origin.has(key), key)
  for (const [id, component] of Object.entries(components)) {
    const entity = documented.long(component)
    const platform = String(entity['platform'])
    const own = documented.options[platform]
    assert.ok(own !== undefined, `${id}: no platform is called ${platform}`)
    for (const key of Object.keys(entity)) assert.ok(own.has(key) || documented.isShared(key), `${id}: ${platform} has no ${key}`)
    for (const key of documented.required[platform] ?? []) assert.ok(key in entity, `${id}: ${platform} needs ${key}`)
    assert.ok(!('expire_after' in entity))
    const unique = String(entity['unique_id'])
    assert.ok(!seen.has(unique), unique)
    seen.add(unique)
    for (const one of entity['availability'] as object[])
      for (const key of Object.keys(documented.long(one))) assert.ok(documented.availability.has(key), key)
    const {
      device_class: deviceClass,
      unit_of_measurement: unit,
      min,
      max
    } = entity as Readonly<Record<string, string | number | undefined>>
    if (deviceClass !== undefined && deviceClass !== 'enum')
      assert.ok(documented.units[String(deviceClass)]?.includes(String(unit)), `${String(deviceClass)} in ${String(unit)}`)
    if (platform === 'number') assert.ok(Number(min) < Number(max))
    for (const key of ['state_topic', 'command_topic']) if (key in entity) assert.equal(topics.parse(String(entity[key])).where, 'root')
  }
}

describe('discovery of Home Assistant', () => {
  for (const file of files)
    it(`of ${file} has documented keys only, and ids that are there once`, () => {
      const found = describedFile(file)
      const seen = new Set<string>()
      for (const [topic, message] of Object.entries(homeAssistant(found))) check(topic, message, new Topics(found.root), seen)
      assert.ok(seen.size > 20)
    })

  it('chooses the platform by what the codename takes and gives', () => {
    const found = Object.entries(entities()).map(([id, { p, dev_cla, unit_of_meas, sug_dsp_prc, min, max, step, ops }]) =>
      Object.fromEntries(
        Object.entries({ id, p, dev_cla, unit_of_meas, sug_dsp_prc, min, max, step, ops }).filter(([, value]) => value !== undefined)
      )
    )
    assert.deepEqual(found, [
      { id: 'temperature', p: 'sensor', dev_cla: 'temperature', unit_of_meas: '°C', sug_dsp_prc: 1 },
      { id: 'setpoint', p: 'number', dev_cla: 'temperature', unit_of_meas: '°C', min: 0, max: 1200, step: 0.1 },
      { id: 'cycles', p: 'number', min: -1e12, max: 1e12, step: 1 },
      { id: 'fan', p: 'binary_sensor' },
      { id: 'light', p: 'switch' },
      { id: 'mode', p: 'select', ops: ['heat', 'cool'] },
      { id: 'phase', p: 'sensor', dev_cla: 'enum', ops: ['up', 'down'] },
      { id: 'note', p: 'text', min: 0, max: 255 },
      { id: 'serial', p: 'sensor' },
      { id: 'raw', p: 'sensor', dev_cla: 'voltage', unit_of_meas: 'V' },
      { id: 'free', p: 'sensor' },
      { id: 'anything', p: 'text' },
      { id: 'vent call', p: 'button' }
    ])
  })

  it('is available with the gateway, the device and the reading; what can be set, with the first two', () => {
    const topics = (id: string): unknown => availabilityOf(entities()[id]).map(({ t }) => t)
    assert.deepEqual(topics('temperature'), ['lab/gateway', 'lab/oven', 'lab/oven/temperature'])
    for (const id of ['setpoint', 'vent call']) assert.deepEqual(topics(id), ['lab/gateway', 'lab/oven'])
    for (const entity of Object.values(entities())) assert.equal(entity['avty_mode'], 'all')
  })

  it('gives the same ids again, other ones for another gateway, and none twice', () => {
    const ids = (yaml: string): string[] =>
      Object.values(homeAssistant(described(yaml))).flatMap(({ cmps }) => Object.values(cmps).map(({ unique_id }) => unique_id))
    assert.deepEqual(ids(lab), ids(lab))
    const other = new Set(ids(`gateway: { name: other }\n${lab}`))
    assert.ok(ids(lab).every((id) => !other.has(id)))
    const names = 'devices: { a: { codenames: { b_c: {} } }, a_b: { codenames: { c: {} } }, a.b: { codenames: { c: {} } } }\nadapters: []\n'
    assert.equal(Object.keys(homeAssistant(described(names))).length, 4)
    assert.equal(new Set(ids(names)).size, ids(names).length)
  })

  it('spreads a large device over several messages, each of which fits into a packet', () => {
    const codenames = Array.from(
      { length: 450 },
      (_nothing, n) => `      channel_${n}: { unit: V, settable: true, schema: { type: number } }`
    )
    const messages = Object.entries(homeAssistant(described(`devices:\n  rack:\n    codenames:\n${codenames.join('\n')}\nadapters: []\n`)))
    const ofRack = messages.filter(([, { dev }]) => dev['name'] === 'rack')
    assert.deepEqual(
      ofRack.map(([topic, { cmps }]) => [topic.split('/')[2], Object.keys(cmps).length]),
      [
        ['labgate_lab-gateway_rack', 200],
        ['labgate_lab-gateway_rack_2', 200],
        ['labgate_lab-gateway_rack_3', 50]
      ]
    )
    for (const [, message] of messages) assert.ok(JSON.stringify(message).length < 500_000)
  })

  it('shows who may only look nothing to set, and nothing that he may not see', () => {
    const shown = { state: () => true, codename: () => true, read: () => true, write: () => false }
    assert.ok(!JSON.stringify(homeAssistant(described(lab, 'pi', shown))).includes('cmd_t'))
    const little = { ...shown, codename: ({ codename }: { codename: string }) => codename === 'fan', state: () => false }
    const text = JSON.stringify(homeAssistant(described(lab, 'pi', little)))
    assert.ok(text.includes('lab/oven/fan'))
    for (const hidden of ['lab/gateway"', 'lab/oven"', 'temperature', 'setpoint']) assert.ok(!text.includes(hidden), hidden)
  })

  describe('with the templates run by Jinja, as Home Assistant does', () => {
    /** Runs each template with these variables. */
    async function render(cases: readonly { readonly template: string; readonly with: object }[]): Promise<unknown[]> {
      const script = `
import jinja2.sandbox
environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
for case in json.loads(${JSON.stringify(JSON.stringify(cases))}):
    say(environment.from_string(case['template']).render(**case['with']))
`
      return await runPython(script, {})
    }

    it('reads states', async function () {
      needs(this, 'python3', 'python3-flask')
      const all = entities()
      const [good, stale, bad] = ['good', 'stale', 'bad']
      const table: readonly [id: string, quality: string, value: unknown, shown: string][] = [
        ['temperature', good, 21.5, '21.5'],
        ['temperature', good, 1e-7, '1e-07'],
        ['temperature', bad, null, 'None'],
        ['setpoint', good, 300, '300'],
        ['setpoint', stale, 300, 'None'],
        ['fan', good, true, 'true'],
        ['fan', good, false, 'false'],
        ['fan', bad, null, 'None'],
        ['light', good, false, 'false'],
        ['light', stale, true, 'None'],
        ['mode', good, 'heat', 'heat'],
        ['phase', bad, null, 'None'],
        ['note', good, 'x'.repeat(300), 'x'.repeat(255)],
        ['raw', good, 3, '3'],
        ['raw', good, true, 'None'],
        ['raw', good, [1], 'None'],
        ['free', good, 'as it is', 'as it is'],
        ['free', good, [1, 2], '[1, 2]'],
        ['free', bad, null, 'None']
      ]
      const shown = await render(
        table.map(([id, quality, value]) => ({ template: String(all[id]?.['val_tpl']), with: { value_json: { quality, value } } }))
      )
      assert.deepEqual(
        shown,
        table.map(([, , , text]) => text)
      )
    })

    it('knows what is available', async function () {
      needs(this, 'python3', 'python3-flask')
      const [gateway, , reading] = availabilityOf(entities()['temperature'])
      const states = ['online', 'degraded', 'offline', 'disabled'].map((state) => ({
        template: String(gateway?.val_tpl),
        with: { value_json: { state } }
      }))
      const qualities = ['good', 'uncertain', 'stale', 'bad'].map((quality) => ({
        template: String(reading?.val_tpl),
        with: { value_json: { quality } }
      }))
      assert.deepEqual(await render([...states, ...qualities]), [
        'online',
        'online',
        'offline',
        'offline',
        'online',
        'online',
        'offline',
        'offline'
      ])
    })

    it('writes commands that the gateway takes', async function () {
      needs(this, 'python3', 'python3-flask')
      const all = entities()
      const table: readonly [id: string, value: unknown, sent: unknown][] = [
        ['setpoint', 250.5, 250.5],
        ['cycles', 3, 3],
        ['mode', 'cool', 'cool'],
        ['note', 'a "quoted" <b> \\ line\nand 300', 'a "quoted" <b> \\ line\nand 300']
      ]
      const sent = await render(table.map(([id, value]) => ({ template: String(all[id]?.['cmd_tpl']), with: { value } })))
      assert.deepEqual(
        sent.map((text) => JSON.parse(String(text)) as unknown),
        table.map(([, , value]) => ({ value }))
      )
      const light: Partial<Entity> = all['light'] ?? {}
      assert.deepEqual([light['pl_on'], light['pl_off']], ['{"value":true}', '{"value":false}'])
    })
  })
})
