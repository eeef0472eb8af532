import assert from 'node:assert/strict'
import fc from 'fast-check'
import { checkConfig } from '../../gateway/config.js'
import type { Checked } from '../../gateway/config.js'
import { declare, declaredDevices, grants } from '../../gateway/declare.js'
import { Devices } from '../../gateway/devices.js'
import { metaPayload } from '../../gateway/payload.js'
import { Joined, piecesOf } from '../../gateway/reload/pieces.js'
import { planning } from '../../gateway/reload/plan.js'
import type { ReloadPlan } from '../../gateway/reload/plan.js'
import { same } from '../../gateway/reload/same.js'
import { inWords, restartNeeded } from '../../gateway/reload/words.js'
import { Topics } from '../../gateway/topic.js'
import { Validators } from '../../gateway/validators.js'
import { adapterTypes } from '../../adapters/index.js'
import { Scripted } from '../support/scripted.js'

const types = [...adapterTypes, new Scripted().type]
const validators = new Validators()
const check = (text: string): Checked => checkConfig(text, { file: 'lab.yaml', types, env: {}, validators })

/** All steps at once. */
function planReload(before: Checked, after: Checked): ReloadPlan {
  const steps = planning(before, after)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

const plan = (before: string, after: string): ReloadPlan => planReload(check(before), check(after))

const lab = `
devices:
  oven:
    codenames:
      t: { unit: C, maxAge: 5, schema: { type: number } }
      setpoint: { settable: true }
  pump: { codenames: { speed: {} } }
adapters:
  - { id: ovens, type: scripted, feeds: [oven/t], executes: [oven/setpoint] }
  - { id: page, type: data-pull-server, port: 0, device: oven }
  - { id: speed, type: data-pull-server, port: 0, channels: { a: pump/speed, b: oven/t } }
  - { id: all, type: instserver-server, port: 0 }
`

describe('the plan of a reload', () => {
  const changed = (before: string, after: string): string[] => [...plan(before, after).instances.changed]

  it('is empty for what means the same', () => {
    assert.equal(plan(lab, lab).isEmpty, true)
    assert.equal(
      plan(lab, `# another comment\n${lab.replace('{ id: page, type: data-pull-server,', '{ type: data-pull-server, id: page,')}`).isEmpty,
      true
    )
    assert.equal(plan(lab, lab.replace('port: 0, device: oven', 'port: 0, kind: date, device: oven')).isEmpty, true)
  })

  it('starts an instance anew when its configuration is another', () => {
    const { instances, devices, why } = plan(lab, lab.replace('port: 0, device: oven', 'port: 0, name: x, device: oven'))
    assert.deepEqual(
      [instances, devices],
      [
        { added: [], changed: ['page'], removed: [] },
        { added: [], changed: [], removed: [] }
      ]
    )
    assert.deepEqual([...why], [['page', 'its configuration is another']])
  })

  it('starts anew who shows what has another form, or holds it', () => {
    assert.deepEqual(changed(lab, lab.replace('type: number', 'type: integer')), ['ovens', 'page', 'speed'])
    assert.deepEqual(changed(lab, lab.replace('settable: true', 'settable: false')), ['ovens', 'page'])
    assert.deepEqual(changed(lab, lab.replace('{ speed: {} }', '{ speed: {}, more: {} }')), [])
    assert.deepEqual(changed(lab, lab.replace('setpoint: { settable: true }', 'setpoint: { settable: true }\n      new: {}')), ['page'])
  })

  it('starts anew who shows codenames in an order that is another', () => {
    const [t, setpoint] = ['      t: { unit: C, maxAge: 5, schema: { type: number } }\n', '      setpoint: { settable: true }\n']
    const { instances, devices, codenames } = plan(lab, lab.replace(t + setpoint, setpoint + t))
    assert.deepEqual([instances.changed, devices.changed, codenames.changed], [['page'], ['oven'], []])
    const channels = lab.replace('{ a: pump/speed, b: oven/t }', '{ b: oven/t, a: pump/speed }')
    assert.deepEqual(changed(lab, channels), ['speed'])
  })

  it('leaves instances alone where only the gateway looks', () => {
    for (const more of [
      'maxAge: 6',
      'unit: K, maxAge: 5',
      'digits: 2',
      'history: off',
      'retainMirror: true',
      'timeout: 9',
      'description: x'
    ]) {
      const { instances, codenames, isEmpty } = plan(lab, lab.replace('unit: C, maxAge: 5', more))
      assert.deepEqual([instances.changed, codenames.changed, isEmpty], [[], [{ device: 'oven', codename: 't' }], false], more)
    }
  })

  it('knows no order of instances and devices', () => {
    const lines = lab.split('\n')
    const at = lines.findIndex((line) => line.includes('id: page'))
    lines.splice(at, 2, lines[at + 1] as string, lines[at] as string)
    assert.equal(plan(lab, lines.join('\n')).isEmpty, true)
  })

  it('names each key that needs a restart, whatever section it is in', () => {
    const before = `broker: { tcp: { port: 1 } }\naccess: { roles: { 'a.b': { read: ['#'] } } }\n${lab}`
    const after = `broker: { tcp: { port: 2 }, root: site/x }\nhttp: {}\ngateway: { name: other, data: d }\naccess: { roles: { 'a.b': { read: ['+'] } } }\n${lab}`
    const { restart, isEmpty } = plan(before, after)
    assert.deepEqual(
      [[...restart].sort(), isEmpty],
      [['access.roles.a.b.read', 'broker.root', 'broker.tcp.port', 'gateway.data', 'gateway.name', 'http'], false]
    )
    const { config } = check(lab)
    const future = { ...check(lab), config: { ...config, somethingNew: [1] } as typeof config }
    assert.deepEqual(planReload(check(lab), future).restart, ['somethingNew'])
    assert.match(restartNeeded(restart), /^restart the gateway to apply this: /)
  })

  it('is told in words, and not without end', () => {
    assert.deepEqual(inWords(plan(lab, lab.replace('{ speed: {} }', '{ rate: {} }').replace('a: pump/speed, ', '')), 'site/lab'), [
      'instances that start anew: speed (its configuration is another)',
      'devices that change: pump',
      'codenames that come: pump/rate',
      'topics that vanish: site/lab/pump/speed'
    ])
    const many = Array.from({ length: 50 }, (_, n) => `  d${n}: {}`).join('\n')
    const [text] = inWords(plan('{}', `devices:\n${many}`), 'lab')
    assert.match(text ?? '', /^devices that come: d0, d1, .*, d19 and 30 more$/)
  })
})

describe('what means the same', () => {
  it('tells numbers apart that JSON does not, and takes any there are', () => {
    const values = [
      NaN,
      Infinity,
      -Infinity,
      null,
      undefined,
      1n,
      2n,
      0,
      '0',
      [],
      {},
      new Map(),
      [null],
      { a: null },
      new Map([['a', null]])
    ]
    for (const [at, one] of values.entries())
      for (const [to, other] of values.entries()) assert.equal(same(one, other), at === to, `${at} ${to}`)
    assert.ok(same({ a: 1, b: [2n] }, { b: [2n], a: 1, c: undefined }))
    assert.ok(
      !same(
        new Map([
          ['a', 1],
          ['b', 2]
        ]),
        new Map([
          ['b', 2],
          ['a', 1]
        ])
      )
    )
    assert.ok(!same({ toString: undefined, a: 1 }, { a: 2 }))
  })
})

describe('two configurations, there and back', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const codename = fc.record(
    {
      unit: fc.constantFrom('C', 'K'),
      maxAge: fc.constantFrom(1, 2),
      settable: fc.boolean(),
      schema: fc.constantFrom({ type: 'number' }, { type: 'string' })
    },
    { requiredKeys: [] }
  )
  const device = fc.record(
    { codenames: fc.dictionary(name, codename), undeclared: fc.constantFrom('accept', 'refuse'), history: fc.constantFrom('off', 'every') },
    { requiredKeys: ['codenames'] }
  )
  const file = fc
    .record({ devices: fc.dictionary(name, device), fed: fc.uniqueArray(name), shown: fc.uniqueArray(name) })
    .map(({ devices, fed, shown }) => {
      const there = (names: string[]): string[] => names.filter((each) => each in devices)
      const adapters = [
        ...there(fed).map((each) => ({ id: `feeds-${each}`, type: 'scripted', feeds: [each], executes: [each] })),
        ...there(shown).map((each) => ({ id: `shows-${each}`, type: 'data-pull-server', port: 0, device: each }))
      ]
      return check(JSON.stringify({ devices, adapters }))
    })

  /** All that is known of devices, in its order, and what is retained of it. */
  class World {
    readonly metas = new Map<string, string>()
    readonly devices = new Devices({
      topics: new Topics('lab'),
      undeclared: 'accept',
      maxUndeclared: 100,
      described: (entry) => this.metas.set(entry.topic, metaPayload(entry)),
      forgotten: (entry) => this.metas.delete(entry.topic),
      left: () => {}
    })
    #checked: Checked

    constructor(checked: Checked) {
      this.#checked = checked
      declare(this.devices, checked)
    }

    go(next: Checked): void {
      const { codenames } = planReload(this.#checked, next)
      const other = new Set([...codenames.changed, ...codenames.added].map((ref) => `${ref.device}/${ref.codename}`))
      this.devices.redeclare(declaredDevices(next), grants(next), (each, its) => other.has(`${each}/${its}`))
      this.#checked = next
    }

    shown(): unknown {
      const { devices } = this
      const all = [...devices.names()].map((each) => ({
        each,
        options: devices.options(each),
        holders: [...devices.holders(each)].sort(),
        codenames: devices.codenames(each).map(({ codename: its, meta, declared, found }) => ({ its, meta, declared, found }))
      }))
      return { all, metas: new Map(this.metas), undeclared: devices.undeclaredCount }
    }
  }

  it('a file changes nothing that is in force already', () => {
    fc.assert(
      fc.property(file, (one) => {
        assert.equal(planReload(one, one).isEmpty, true)
        // Also when it came from another thread.
        const joined = new Joined()
        for (const piece of piecesOf(one)) joined.add(structuredClone(piece))
        assert.deepEqual(joined.checked, one)
      }),
      { numRuns: 30 }
    )
  })

  it('what one adds, the way back removes', () => {
    fc.assert(
      fc.property(file, file, (one, other) => {
        const [there, back] = [planReload(one, other), planReload(other, one)]
        for (const kind of ['instances', 'devices'] as const) {
          assert.deepEqual([...there[kind].added].sort(), [...back[kind].removed].sort())
          assert.deepEqual([...there[kind].changed].sort(), [...back[kind].changed].sort())
        }
      }),
      { numRuns: 50 }
    )
  })

  it('the devices end as they began, and in between as a start would have made them', () => {
    fc.assert(
      fc.property(file, file, (one, other) => {
        const world = new World(one)
        const begun = world.shown()
        world.go(other)
        assert.deepEqual(world.shown(), new World(other).shown())
        world.go(one)
        assert.deepEqual(world.shown(), begun)
      }),
      { numRuns: 50 }
    )
  })

  it('codenames that nothing declares stay, are declared, and are counted', () => {
    fc.assert(
      fc.property(file, file, fc.array(fc.tuple(name, name), { maxLength: 8 }), (one, other, met) => {
        const world = new World(one)
        for (const [each, its] of met) {
          try {
            world.devices.admit(each, its)
          } catch {
            // Its device takes in none.
          }
        }
        const count = (): number => {
          const names = [...world.devices.names()].filter((each) => each !== 'gateway')
          const declared = declaredDevices(current)
          const strangers = names.flatMap((each) => world.devices.codenames(each)).filter((entry) => !entry.declared).length
          return names.filter((each) => !declared.has(each)).length + strangers
        }
        let current = one
        for (const next of [other, one, other]) {
          world.go(next)
          current = next
          assert.equal(world.devices.undeclaredCount, count())
        }
      }),
      { numRuns: 50 }
    )
  })
})
