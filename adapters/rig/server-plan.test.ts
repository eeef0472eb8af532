import assert from 'node:assert/strict'
import { adapterTypes } from '../index.js'
import { checkConfig } from '../../gateway/config.js'

const devices = `
devices:
  oven:
    codenames:
      bake: { callable: {} }
      heat: { settable: true, schema: { type: number } }
      temperature: {}
`

/** The warnings; throws where the gateway would not start. */
function check(options: string, more = devices): readonly string[] {
  const yaml = `broker: { tcp: { port: 1883 } }\n${more}adapters:\n  - { id: stage, type: rig-server, ${options} }\n`
  return checkConfig(yaml, { file: 'test.yaml', types: adapterTypes, env: {} }).warnings.map(({ rule }) => rule)
}

describe('the plan of a rig-server', () => {
  it('brings its device along, unless that is declared', () => {
    assert.deepEqual(check('device: stage', ''), [])
    assert.deepEqual(check('device: oven'), [])
    assert.deepEqual(check('device: stage, status: oven/temperature, expRef: oven/temperature'), [])
  })

  it('takes both transports on one port', () => {
    const other = (type: string): string => `device: stage }\n  - { id: other, type: ${type}, port: 11001`
    assert.throws(() => check(other('instserver-server')), /tcp .* is taken by stage/)
    assert.throws(() => check(other('data-pull-server, kind: date, name: x, device: oven')), /udp .* is taken by stage/)
    assert.deepEqual(check(`transports: [udp], ${other('instserver-server')}`), [])
  })

  it('does not listen beyond this computer unless it is told to, and best on one address', () => {
    assert.throws(() => check('device: stage, host: 0.0.0.0'), /exposed/)
    assert.deepEqual(check('device: stage, host: 0.0.0.0, insecure: true'), ['wildcard'])
    assert.deepEqual(check('device: stage, host: 0.0.0.0, insecure: true, transports: [tcp]'), [])
    assert.deepEqual(check('device: stage, host: 192.168.1.5, insecure: true'), [])
  })

  it('takes every form of answers', () => {
    const actions = '[{ call: oven/bake, arguments: [1] }, { set: oven/heat, value: 20 }, { get: oven/temperature }]'
    assert.deepEqual(
      check(`device: stage, answers: { EXPINIT: same, EXPSTART: ${actions}, EXPSTATUS: { get: oven/heat }, others: echo }`),
      []
    )
  })

  it('tells a value that the device will refuse, with its place', () => {
    assert.deepEqual(check('device: stage, answers: { EXPEND: { set: oven/heat, value: hot } }'), ['value'])
    assert.deepEqual(check('device: stage, answers: { EXPEND: [{ call: oven/bake }, { set: oven/heat, value: [1] }] }'), ['value'])
    assert.deepEqual(
      check('device: stage, answers: { EXPEND: { set: oven/heat, value: 2.5 }, EXPSTART: { set: oven/heat, value: 2 } }'),
      []
    )
  })

  it('says the form of a name where a rig has another', () => {
    const rigs = 'device: stage }\n  - { id: rigs, type: rig-client, rigs: { my rig: udp://cameras }'
    assert.throws(() => check(rigs), /rigs\['my rig'\]: 'my rig' is no name; wanted: letters, digits, underscore/)
  })

  const wrong: readonly (readonly [options: string, complaint: RegExp])[] = [
    ['answers: { EXPSTOP: echo }', /EXPSTOP' is not allowed;.* allowed: EXPINIT, EXPSTART, EXPEND/],
    ['answers: { ALYX: { call: oven/bake } }', /ALYX/],
    ['answers: { EXPEND: nothing }', /EXPEND/],
    ['answers: { EXPEND: [] }', /EXPEND/],
    ['answers: { EXPEND: { call: oven/bake, set: oven/heat } }', /EXPEND/],
    ['answers: { EXPEND: { set: oven/heat } }', /EXPEND.*set needs value/],
    ['answers: { EXPEND: { call: oven/bake, value: 1 } }', /EXPEND/],
    ['answers: { EXPEND: { call: oven/bak } }', /oven has no codename/],
    ['answers: { EXPEND: { call: oven/heat } }', /oven\/heat is not callable/],
    [
      'answers: { EXPEND: [{ call: oven/bake }, { set: oven/temperature, value: 1 }] }',
      /EXPEND\[1\]\.set.*oven\/temperature is not settable/
    ],
    ['answers: { EXPEND: { get: oven/bake } }', /oven\/bake is an action/],
    ['answerWithin: 9', /answerWithin/],
    ['info: { status: 20 }', /tells its own status/],
    ['status: stage/status', /tells itself/],
    ['expRef: stage/exp_ref', /tells itself/],
    ['alyx: yes', /alyx/],
    ['alyx: oven/nothing', /oven has no codename/],
    ['transports: []', /transports/],
    ['maxControllers: 0', /maxControllers/]
  ]
  for (const [options, complaint] of wrong)
    it(`refuses ${options}`, () => assert.throws(() => check(`device: stage, ${options}`), complaint))
})
