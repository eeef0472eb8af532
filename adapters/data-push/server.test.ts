import assert from 'node:assert/strict'
import type { Exact } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { Machine } from '../../test/faults/machine.js'
import type { Outcome } from '../../test/faults/machine.js'
import type { TestClient } from '../../test/support/mqtt.js'
import { start } from '../../test/support/start.js'
import type { LogLine, Running } from '../../test/support/start.js'
import { UdpClient } from '../../test/support/udp.js'
import { ScriptedClock } from '../../test/vectors/clock.js'

describe('data-push server', () => {
  let running: Running
  let mqtt: TestClient
  let udp: UdpClient
  let clock: ScriptedClock
  let machine: Machine

  /** Time stands still unless the test lets it pass. */
  async function lab(yaml: string): Promise<void> {
    clock = new ScriptedClock()
    clock.standStill(1.7e9)
    running = await start(yaml, { clock, types: [machine.type] })
    mqtt = await running.connect()
  }

  beforeEach(() => {
    udp = new UdpClient()
    machine = new Machine()
  })

  afterEach(async () => {
    await udp.close()
    await running.stop()
    assert.deepEqual(lines('error'), [])
  })

  const push = (datagram: string, instance = 'push'): Promise<string> => udp.ask(running.port(instance), datagram)
  const send = (datagram: string): Promise<void> => udp.send(running.port('push'), datagram)
  const answer = async (): Promise<string> => (await udp.receive()).toString('latin1')
  const lines = (level: LogLine['level']): string[] =>
    running.log.lines.filter((line) => line.level === level).map(({ message }) => message)
  /** The retained readings of a device have these values, and there are no others. */
  const holds = async (device: string, expected: Record<string, unknown>): Promise<void> => {
    const client = await running.connect()
    await client.subscribe(`lab/${device}/+`)
    const found: Record<string, unknown> = {}
    for (const codename of Object.keys(expected)) found[codename] = (await client.nextJson(`lab/${device}/${codename}`))['value']
    await client.settled()
    assert.deepEqual([found, client.left], [expected, []])
  }
  /** What came of one push and of nothing else: topics and values, in order. */
  const published = async (): Promise<string[]> => {
    await mqtt.settled()
    return mqtt.left.filter(({ topic }) => !topic.includes('/gateway')).map(({ topic, text }) => `${topic} ${text}`)
  }

  describe('that takes readings', () => {
    const feed = (device: string, rest = ''): string =>
      `devices: { d: { ${device} } }\nadapters: [{ id: push, type: data-push-server, port: 0, device: d${rest} }]`

    it('publishes each key as a reading, and what arrived as readings of its own device', async () => {
      await lab(feed('codenames: { a: { unit: W } }'))
      await mqtt.subscribe('lab/d/#')
      assert.equal(await push('raw_wn#a:int:47;p error:float:1.5'), "ACK#{'a': 47, 'p error': 1.5}")
      assert.deepEqual(await mqtt.nextJson('lab/d/a'), {
        quality: 'good',
        source: 'push',
        time: '2023-11-14T22:13:20Z',
        unit: 'W',
        value: 47
      })
      assert.equal((await mqtt.next('lab/d/a/value')).text, '47')
      assert.equal((await mqtt.nextJson('lab/d/p%20error'))['value'], 1.5)
      assert.equal((await mqtt.nextJson('lab/d/p%20error/meta'))['declared'], false)
      assert.equal(await push('json_wn#{"a": 48, "2": null, "1": [true]}'), "ACK#{'a': 48, '2': None, '1': [True]}")
      const last = { a: 48, 2: null, 1: [true] }
      await holds('push', { last, updated: { a: 48, 'p error': 1.5, 2: null, 1: [true] }, queue_length: 0 })
    })

    it('has the readings in memory and in the queue before it says ACK#', async () => {
      await lab(`${feed('codenames: { a: {} }').slice(0, -1)}, { id: pull, type: data-pull-server, port: 0, device: d }]`)
      for (let i = 0; i < 50; i += 1) {
        assert.equal(await push(`raw_wn#a:int:${i}`), `ACK#{'a': ${i}}`)
        assert.equal(await push('a#raw', 'pull'), `1700000000.0,${i}`)
      }
    })

    it('takes all keys or none: one that breaks its schema is an ERROR#, and a dead letter says why', async () => {
      await lab(feed('codenames: { a: { schema: { type: number } }, b: { schema: { type: number, maximum: 10 } } }'))
      await push('raw_wn#a:int:1;b:int:1')
      await mqtt.subscribe('lab/#', 'lab-dead/#')
      await mqtt.settled()
      while (mqtt.left.length > 0) await mqtt.next(() => true)
      assert.match(await push('json_wn#{"a": 5, "b": 11, "c": 1}'), /^ERROR#b must be <= 10/)
      const [letter, ...others] = await published()
      assert.deepEqual(others, [])
      assert.ok(letter !== undefined && letter.startsWith('lab-dead/lab/d '), letter)
      const dead = JSON.parse(letter.slice('lab-dead/lab/d '.length)) as Record<string, unknown>
      assert.deepEqual([dead['payload'], dead['class'], dead['client']], ['json_wn#{"a": 5, "b": 11, "c": 1}', 'RangeError', 'push'])
      await holds('d', { a: 1, b: 1 })
      await holds('push', { last: { a: 1, b: 1 }, updated: { a: 1, b: 1 }, queue_length: 0 })
    })

    it('refuses what the original refuses, in its words, and stores nothing', async () => {
      await lab(feed('codenames: {}'))
      assert.equal(
        await push('raw_wn#a:int:1;b:int:x'),
        "ERROR#Unable to convert values to 'int'. Error is: invalid literal for int() with base 10: 'x'"
      )
      assert.equal(await push('json_wn#[1]'), "ERROR#The object '[1]' returned after decoding the JSON string is not a dict")
      assert.equal(await push('RAW_WN#a:int:1'), 'ERROR#UNKNOWN_COMMMAND')
      await holds('d', {})
      await holds('push', { updated: {}, queue_length: 0 })
    })

    it('refuses a key that its channel map does not have', async () => {
      await lab('devices: { d: { codenames: { a: {} } } }\nadapters: [{ id: push, type: data-push-server, port: 0, channels: { A: d/a } }]')
      await mqtt.subscribe('lab-dead/#')
      assert.equal(await push('raw_wn#A:int:1'), "ACK#{'A': 1}")
      assert.equal(await push('raw_wn#A:int:2;b:int:1'), "ERROR#this socket has no codename 'b'; it has 'A'")
      const letter = await mqtt.nextJson('lab-dead/lab/push')
      assert.equal(letter['class'], 'UnknownCodename')
      await holds('d', { a: 1 })
    })

    it('refuses what the device does not declare, where the configuration wants it so', async () => {
      await lab(feed('undeclared: refuse, codenames: { flow_h2: {} }'))
      assert.equal(await push('raw_wn#flow_h2:int:1;flow_hh:int:1'), 'ERROR#no codename of d is called "flow_hh"; did you mean "flow_h2"?')
      await holds('d', {})
    })

    it('takes the old names of a device', async () => {
      await lab('adapters: [{ id: laser, type: machine }, { id: push, type: data-push-server, port: 0, device: laser }]')
      assert.equal(await push('raw_wn#Focus 1:int:3'), "ACK#{'Focus 1': 3}")
      await holds('laser', { focus: 3 })
    })

    it('refuses when the queue to the broker is full: nothing is stored', async () => {
      await lab(`broker: { tcp: { port: 0 }, limits: { maxQueue: 6 } }\n${feed('codenames: { a: {} }')}`)
      assert.equal(await push('raw_wn#a:int:1'), 'ERROR#4 readings at once never fit into broker.limits.maxQueue (6): raise it')
      await holds('d', {})
      await holds('push', { updated: {}, queue_length: 0 })
      assert.equal(await push('name'), 'RET#')
    })

    it('shows NaN over MQTT as null and bad, and answers it exactly', async () => {
      await lab(feed('codenames: { a: { schema: { type: number } } }'))
      await mqtt.subscribe('lab/d/a')
      assert.equal(await push('raw_wn#a:float:nan'), "ACK#{'a': nan}")
      const reading = await mqtt.nextJson('lab/d/a')
      assert.deepEqual([reading['value'], reading['quality'], (reading['error'] as { class: string }).class], [null, 'bad', 'NotFinite'])
    })

    it('forgets last, forgets updated and counts as active when it is told to over MQTT', async () => {
      await lab(feed('codenames: {}', ', checkActivity: true, activityTimeout: 10'))
      const activity = async (): Promise<string> => /"status": "(\w+)"/.exec(await push('status'))?.[1] as string
      await push('raw_wn#a:int:1')
      await mqtt.subscribe('lab/push/+/reply')
      const call = async (codename: string): Promise<void> => {
        await mqtt.publish(`lab/push/${codename}/call`, '')
        assert.equal((await mqtt.nextJson(`lab/push/${codename}/reply`))['phase'], 'done')
      }
      await call('set_last_to_none')
      await holds('push', { last: null, updated: { a: 1 }, queue_length: 0 })
      await call('clear_updated')
      await holds('push', { last: null, updated: {}, queue_length: 0 })
      await push('raw_wn#b:int:2')
      await holds('push', { last: { b: 2 }, updated: { b: 2 }, queue_length: 0 })
      clock.advance(10)
      await push('raw_wn#b:int:3')
      assert.equal(await activity(), 'INACTIVE')
      await call('poke')
      assert.equal(await activity(), 'OK')
    })

    it('answers what is asked besides, and is silent only where the original is', async () => {
      await lab(feed('codenames: {}', ', name: Gas'))
      await send('namé')
      assert.equal(await push('name'), 'RET#Gas')
      assert.equal(await push('commands'), 'RET#["json_wn#", "raw_wn#", "name", "status", "commands"]')
      assert.equal(await push('json_wn#{"a": "\\u00e9"}'), "ACK#{'a': '\\xe9'}")
    })
  })

  describe('that takes commands', () => {
    const laser = (rest: string): string =>
      `adapters: [{ id: laser, type: machine }, { id: push, type: data-push-server, port: 0, accept: commands, ${rest} }]`
    const queued = laser('as: set, device: laser, action: enqueue')
    const done: Outcome = { value: null }

    it('acknowledges what keeps to the schema and is queued, and carries out one after another in order', async () => {
      await lab(queued)
      await mqtt.subscribe('lab/push/queue_length', 'lab/laser/+/reply')
      for (const value of [1, 2, 3])
        assert.equal(await push(`raw_wn#power:int:${value};Focus 1:str:f${value}`), `ACK#{'power': ${value}, 'Focus 1': 'f${value}'}`)
      assert.deepEqual(machine.said, ['set laser/power 1'])
      for (let i = 1; i <= 6; i += 1) {
        await machine.arrival(i)
        machine.end(done)
      }
      const expected = [1, 2, 3].flatMap((value) => [`set laser/power ${value}`, `set laser/focus "f${value}"`])
      assert.deepEqual(machine.said, expected)
      for (let i = 0; i < 6; i += 1) assert.equal((await mqtt.nextJson(({ topic }) => topic.endsWith('/reply')))['phase'], 'done')
      await mqtt.settled()
      const lengths = mqtt.left.map(({ text }) => (JSON.parse(text) as { value: number }).value)
      assert.deepEqual(lengths, [0, 0, 1, 2, 1, 0])
      await holds('push', { last: { power: 3, 'Focus 1': 'f3' }, updated: { power: 3, 'Focus 1': 'f3' }, queue_length: 0 })
    })

    it('refuses a push of which one key breaks its schema, is not settable or is not there: nothing is done or stored', async () => {
      await lab(queued)
      await mqtt.subscribe('lab-dead/#')
      assert.match(await push('raw_wn#Focus 1:int:1;power:float:301'), /^ERROR#value must be <= 300/)
      assert.equal(await push('raw_wn#Focus 1:int:1;output:float:1'), 'ERROR#laser/output is not settable')
      assert.match(await push('raw_wn#Focus 1:int:1;powr:float:1'), /^ERROR#no codename of laser is called "powr"; did you mean "power"\?$/)
      assert.equal(await push('raw_wn#power:float:nan'), 'ERROR#NaN and infinities have no place in a set')
      const classes: unknown[] = []
      for (let i = 0; i < 4; i += 1) classes.push((await mqtt.nextJson('lab-dead/lab/laser'))['class'])
      assert.deepEqual(classes, ['RangeError', 'ReadOnly', 'UnknownCodename', 'NotFinite'])
      assert.deepEqual(machine.said, [])
      await holds('push', { updated: {}, queue_length: 0 })
    })

    it('tells of what was acknowledged and then failed, once, and goes on', async () => {
      await lab(queued)
      await mqtt.subscribe('lab-dead/#')
      machine.at = { error: new GatewayError('Locked', 'the interlock is open') }
      assert.equal(await push('raw_wn#power:int:5'), "ACK#{'power': 5}")
      const letter = await mqtt.nextJson('lab-dead/lab/laser/power')
      assert.deepEqual([letter['payload'], letter['reason']], ['5', 'the interlock is open'])
      machine.at = done
      assert.equal(await push('raw_wn#power:int:6'), "ACK#{'power': 6}")
      assert.deepEqual(lines('warn'), ['an acknowledged push could not be carried out'])
      assert.deepEqual(machine.said, ['set laser/power 5', 'set laser/power 6'])
    })

    it('steers a device that speaks MQTT itself', async () => {
      await lab(`devices: { oven: { codenames: { setpoint: { settable: true, schema: { type: number } } } } }
adapters: [{ id: push, type: data-push-server, port: 0, accept: commands, as: set, channels: { SP: oven/setpoint }, action: enqueue }]`)
      await mqtt.subscribe('lab/oven/setpoint/set')
      assert.equal(await push('json_wn#{"SP": 250}'), "ACK#{'SP': 250}")
      const command = await mqtt.nextJson('lab/oven/setpoint/set')
      assert.deepEqual([Object.keys(command), command['value']], [['id', 'value'], 250])
      await mqtt.publish('lab/oven/setpoint/reply', { id: command['id'], value: 250 })
      assert.equal(await push('json_wn#{"SP": 251}'), "ACK#{'SP': 251}")
      assert.equal((await mqtt.nextJson('lab/oven/setpoint/set'))['value'], 251)
    })

    it('calls a codename by the name in the push; a missing or unknown one is refused and not stored', async () => {
      await lab(laser('as: { method: method, device: laser }, action: callback_async'))
      machine.at = done
      assert.equal(await push('json_wn#{"method": "fire", "duration": 8}'), "ACK#{'method': 'fire', 'duration': 8}")
      assert.deepEqual(machine.said, ['call laser/fire {"duration":8}'])
      assert.match(await push('json_wn#{"method": "fired"}'), /^ERROR#no codename of laser is called "fired"/)
      assert.equal(await push('json_wn#{"duration": 8}'), "ERROR#the key 'method', which names what to call, is missing")
      const fired = { method: 'fire', duration: 8 }
      await holds('push', { last: { duration: 8 }, updated: fired, queue_length: 0 })
    })
  })

  describe('that answers with the result', () => {
    const direct = (rest: string): string =>
      `adapters: [{ id: laser, type: machine }, { id: push, type: data-push-server, port: 0, name: Trigger, accept: commands, action: callback_direct, ${rest} }]`
    const call = direct('as: { call: laser/fire }, answerWithin: 1')
    const fire = 'json_wn#{"duration": 1}'

    for (const [format, expected] of [
      ['json', 'RET#{"shots": 3, "energy": [1.0, 2.5]}'],
      ['raw', 'RET#shots:int:3;energy:float:1.0,2.5'],
      ['string', "RET#{'shots': 3, 'energy': [1.0, 2.5]}"]
    ] as const)
      it(`as ${format}`, async () => {
        await lab(direct(`as: { call: laser/fire }, returnFormat: ${format}`))
        machine.at = {
          value: new Map<string, Exact>([
            ['shots', 3n],
            ['energy', [1, 2.5]]
          ])
        }
        assert.equal(await push(fire), expected)
        assert.deepEqual(machine.said, ['call laser/fire {"duration":1}'])
        machine.at = { value: 'café' }
        assert.equal(
          await push(fire),
          {
            json: 'RET#"caf\\u00e9"',
            string: 'RET#caf\\xe9',
            raw: "EXCEP#Raw conversion failed with message:Return value must be a dict or list with return format 'raw'"
          }[format]
        )
      })

    it('or with the text of the failure; a schema refusal is an ERROR# and is not stored', async () => {
      await lab(call)
      machine.at = { error: new GatewayError('DeviceError', 'E42: no cooling water') }
      assert.equal(await push(fire), 'EXCEP#E42: no cooling water')
      machine.at = { error: new GatewayError('DeviceError', '') }
      assert.equal(await push(fire), 'EXCEP#')
      assert.match(await push('json_wn#{"duration": -1}'), /^ERROR#arguments\/duration must be >= 0/)
      await holds('push', { last: { duration: 1 }, updated: { duration: 1 }, queue_length: 0 })
    })

    it('in order, questions too', async () => {
      await lab(call)
      await send(fire)
      await send('name')
      await send('nonsense')
      await send(fire)
      await machine.arrival(1)
      machine.end({ value: 1n })
      await machine.arrival(2)
      machine.end({ value: 2n })
      assert.deepEqual(
        [await answer(), await answer(), await answer(), await answer()],
        ['RET#1', 'RET#Trigger', 'ERROR#UNKNOWN_COMMMAND', 'RET#2']
      )
    })

    it('of the method that the push names; what is missing or unknown there is the callback’s failure', async () => {
      await lab(direct('as: { method: method, device: laser }'))
      machine.at = { value: true }
      assert.equal(await push('json_wn#{"method": "fire", "duration": 2}'), 'RET#true')
      assert.deepEqual(machine.said, ['call laser/fire {"duration":2}'])
      await holds('push', { last: { duration: 2 }, updated: { method: 'fire', duration: 2 }, queue_length: 0 })
      assert.equal(await push('json_wn#{"duration": 3}'), "EXCEP#'method'")
      assert.match(await push('json_wn#{"method": 47, "x": 1}'), /^EXCEP#no codename of laser is called "47"/)
      assert.equal(await push('json_wn#{"method": "power"}'), 'EXCEP#laser/power is not callable')
      await holds('push', { last: {}, updated: { method: 'power', duration: 3, x: 1 }, queue_length: 0 })
      assert.equal(machine.asked.length, 1)
    })

    it('or that the device is busy with somebody else’s command', async () => {
      await lab(call)
      await mqtt.publish('lab/laser/fire/call', '')
      await machine.arrival(1)
      assert.equal(await push(fire), 'EXCEP#another command for laser/fire is still running')
    })

    it('of a device that speaks MQTT itself', async () => {
      await lab(`devices: { oven: { codenames: { bake: { callable: {} } } } }
adapters: [{ id: push, type: data-push-server, port: 0, accept: commands, as: { call: oven/bake }, action: callback_direct }]`)
      await mqtt.subscribe('lab/oven/bake/call')
      await send('json_wn#{"minutes": 30}')
      const command = await mqtt.nextJson('lab/oven/bake/call')
      assert.deepEqual(command['arguments'], { minutes: 30 })
      await mqtt.publish('lab/oven/bake/reply', { id: command['id'], value: 'golden' })
      assert.equal(await answer(), 'RET#"golden"')
      await send('json_wn#{}')
      const second = await mqtt.nextJson('lab/oven/bake/call')
      await mqtt.publish('lab/oven/bake/reply', { id: second['id'], error: { message: 'burnt' } })
      assert.equal(await answer(), 'EXCEP#burnt')
    })
  })
})
