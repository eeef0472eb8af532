import assert from 'node:assert/strict'
import { checkConfig } from '../../gateway/config.js'
import type { ConfigError } from '../../gateway/config.js'
import { adapterTypes } from '../index.js'

function checked(entry: string, file = ''): ReturnType<typeof checkConfig> {
  const text = `${file}\nadapters:\n  - { id: room, type: rig-client, ${entry} }\n`
  return checkConfig(text, { file: 'test.yaml', types: adapterTypes, env: {} })
}

/** Rule and message of each problem. */
function problems(entry: string, file = ''): string[] {
  try {
    return checked(entry, file).warnings.map(({ rule, message, path }) => `warning ${path} ${rule}: ${message}`)
  } catch (error) {
    return (error as ConfigError).problems.map(({ rule, message, path }) => `${path} ${rule}: ${message}`)
  }
}

describe('the plan of a rig-client', () => {
  it('brings a device for each rig and each group, and dials', () => {
    const { plans } = checked(
      'rigs: { cameras: "udp://192.168.1.20:11001", ephys: { uri: "ws://ephys", device: ephys-pc } }, groups: { all: { rigs: [cameras, ephys] } }'
    )
    const plan = plans.get('room')
    assert.deepEqual([...(plan?.devices?.keys() ?? [])], ['cameras', 'ephys-pc', 'all'])
    assert.deepEqual(plan?.dials, [
      { protocol: 'udp', host: '192.168.1.20', port: 11001 },
      { protocol: 'tcp', host: 'ephys', port: 11001 }
    ])
    const executes = plan?.executes?.filter(({ device }) => device === 'ephys-pc').map(({ codename }) => codename)
    assert.deepEqual(executes, ['info', 'init', 'start', 'status', 'stop', 'interrupt', 'cleanup', 'await', 'send', 'alyx'])
    const feeds = plan?.feeds?.filter(({ device }) => device === 'cameras').map(({ codename }) => codename)
    for (const name of ['status', 'exp_ref', 'link', 'last_seen', 'event', 'info', 'protocol']) assert.ok(feeds?.includes(name), name)
  })

  const wrong: [entry: string, says: RegExp][] = [
    ['rigs: { cameras: "udp://host:99999" }', /rigs\.cameras uri: Invalid port number: 99999 in udp/],
    ['rigs: { cameras: "http://host" }', /rigs\.cameras uri: rigs speak udp and tcp \(also as ws and wss\), not http/],
    ['rigs: { cameras: { uri: "fe80::1" } }', /rigs\.cameras\.uri uri: /],
    ['rigs: { a: "udp://h", b: { uri: "udp://i", device: a } }', /rigs\.b name-taken: the rig a is the device a already/],
    ['rigs: { a: "udp://h" }, groups: { a: { rigs: [a] } }', /groups\.a name-taken/],
    ['rigs: { a: "udp://h" }, groups: { g: { rigs: [b] } }', /groups\.g\.rigs.*unknown-rig: there is no rig b; there are a/],
    ['rigs: { a: "udp://h" }, alyx: { from: b, to: [a] }', /alyx\.from unknown-rig/],
    ['rigs: { a: "udp://h" }, alyx: { from: a, to: [a] }', /alyx\.to.*same-rig/],
    ['rigs: { a: "tcp://h", b: "ws://h:11001" }', /^warning .*rigs\.b same-address: tcp:\/\/h:11001 is the rig a already/]
  ]
  for (const [entry, says] of wrong)
    it(`refuses ${entry}`, () => {
      const found = problems(entry)
      assert.ok(
        found.some((one) => says.test(one)),
        found.join('\n') || 'nothing'
      )
    })

  it('takes a declared device, unless a call of it is none', () => {
    assert.deepEqual(
      problems('rigs: { cameras: "udp://h" }', 'devices: { cameras: { codenames: { status: { maxAge: 60 }, alyx: {} } } }'),
      []
    )
    const [found] = problems('rigs: { cameras: "udp://h" }', 'devices: { cameras: { codenames: { stop: {} } } }')
    assert.match(found ?? '', /rigs\.cameras not-callable: its codename stop is not callable/)
  })

  it('warns of calls that are declared to end before the rig has answered', () => {
    const declared = (timeout: number): string =>
      `devices: { cameras: { codenames: { interrupt: { callable: { timeout: ${timeout} } } } } }`
    assert.deepEqual(problems('rigs: { cameras: "udp://h" }', declared(11)), [])
    const [found] = problems('rigs: { cameras: "udp://h" }', declared(1))
    assert.match(found ?? '', /^warning .*rigs\.cameras short-timeout: interrupt of cameras end sooner than the rig, which has 11 s/)
  })
})
