import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import type { AdapterType, Codename } from '../../gateway/adapter.js'
import { TestClient } from '../../test/support/mqtt.js'
import { start } from '../../test/support/start.js'
import type { Running, StartOptions } from '../../test/support/start.js'
import { UdpClient } from '../../test/support/udp.js'
import { ScriptedClock } from '../../test/vectors/clock.js'

const schemaFile = new URL('../../../test/vectors/pyexplabsys-status.schema.json', import.meta.url)

describe('data-pull server', () => {
  let running: Running
  let mqtt: TestClient
  let udp: UdpClient
  let clock: ScriptedClock

  /** Time stands still at 1700000000.0 unless the test lets it pass. */
  async function lab(yaml: string, options: StartOptions = {}): Promise<void> {
    clock = new ScriptedClock()
    clock.standStill(1.7e9)
    running = await start(yaml, { clock, ...options })
    mqtt = await running.connect()
  }

  beforeEach(() => {
    udp = new UdpClient()
  })

  afterEach(async () => {
    await udp.close()
    await running.stop()
    const wrong = running.log.lines.filter(({ level }) => level === 'error')
    assert.deepEqual(wrong, [])
  })

  const ask = (question: string, instance = 'pull'): Promise<string> => udp.ask(running.port(instance), question)
  const six = ['raw', 'raw_wn', 'json', 'json_wn', 'a#raw', 'a#json']
  const all = async (...questions: string[]): Promise<string[]> => {
    const answers: string[] = []
    for (const question of questions) answers.push(await ask(question))
    return answers
  }

  describe('shows an old reading as OLD_DATA', () => {
    const fresh = [
      '1700000000.0,47;1700000000.0,1',
      'a:1700000000.0,47;b:1700000000.0,1',
      '[[1700000000.0, 47], [1700000000.0, 1]]'
    ].concat('{"a": [1700000000.0, 47], "b": [1700000000.0, 1]}', '1700000000.0,47', '[1700000000.0, 47]')
    const old = ['OLD_DATA;1700000000.0,1', 'a:OLD_DATA;b:1700000000.0,1', '["OLD_DATA", [1700000000.0, 1]]'].concat(
      '{"a": "OLD_DATA", "b": [1700000000.0, 1]}',
      'OLD_DATA',
      '"OLD_DATA"'
    )

    it('in all six forms, once it is older than maxAge; equal is fresh', async () => {
      await lab(
        'devices: { d: { codenames: { a: { maxAge: 1 }, b: {} } } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, device: d }]'
      )
      await mqtt.publish('lab/d/a', '47')
      await mqtt.publish('lab/d/b', '1')
      assert.deepEqual(await all(...six), fresh)
      clock.advance(1)
      assert.deepEqual(await all(...six), fresh)
      clock.advance(0.25)
      assert.deepEqual(await all(...six), old)
      await mqtt.publish('lab/d/a', '48')
      assert.equal(await ask('a#raw'), '1700000001.25,48')
    })

    it('by the time of its source, not by when it came', async () => {
      await lab(
        'devices: { d: { codenames: { a: { maxAge: 10 } } } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, device: d }]'
      )
      await mqtt.publish('lab/d/a', { value: 1, time: '2023-11-14T22:13:15Z' })
      assert.equal(await ask('a#raw'), '1699999995.0,1')
      await mqtt.publish('lab/d/a', { value: 2, time: '2023-11-14T22:13:05Z' })
      assert.equal(await ask('a#raw'), 'OLD_DATA')
    })

    it('when its device says that it is offline, also without maxAge', async () => {
      await lab('devices: { d: { codenames: { a: {}, b: {} } } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, device: d }]')
      await mqtt.publish('lab/d/a', '47')
      await mqtt.publish('lab/d', 'offline', { retain: true })
      assert.deepEqual(await all('a#raw', 'json'), ['OLD_DATA', '["OLD_DATA", "OLD_DATA"]'])
      await mqtt.publish('lab/d/b', '1')
      assert.equal(await ask('raw'), 'OLD_DATA;1700000000.0,1')
    })

    it('when the MQTT client that speaks for the device is gone', async () => {
      await lab(
        'devices: { d: { client: oven, codenames: { a: {} } } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, device: d }]'
      )
      const oven = await TestClient.connect(running.mqttPort, { clientId: 'oven' })
      await oven.publish('lab/d/a', '47')
      assert.equal(await ask('a#raw'), '1700000000.0,47')
      await mqtt.subscribe('lab/d')
      await oven.vanish()
      await mqtt.next(({ topic, text }) => topic === 'lab/d' && text.includes('offline'), 'offline')
      assert.equal(await ask('a#raw'), 'OLD_DATA')
    })
  })

  describe('answers for a channel that never had a reading', () => {
    const yaml = (rest: string): string =>
      `devices: { d: { codenames: { a: { maxAge: 5 }, b: {} } } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, device: d, ${rest} }]`

    it('OLD_DATA, which no heater is steered by', async () => {
      await lab(yaml('kind: date'))
      assert.deepEqual(await all('raw', 'json', 'b#raw', 'b#json'), [
        'OLD_DATA;OLD_DATA',
        '["OLD_DATA", "OLD_DATA"]',
        'OLD_DATA',
        '"OLD_DATA"'
      ])
    })

    it('a point, as the original, where the configuration says so; with a time-out it is old all the same', async () => {
      await lab(yaml('kind: date, unset: [0, 0]'))
      assert.deepEqual(await all('raw', 'json_wn', 'b#raw', 'b#json'), [
        'OLD_DATA;0.0,0.0',
        '{"a": "OLD_DATA", "b": [0.0, 0.0]}',
        '0.0,0.0',
        '[0.0, 0.0]'
      ])
    })

    it('a point with the x and y that are configured, also for x,y data', async () => {
      await lab(yaml('kind: data, unset: [1700000000, -1.5]'))
      assert.deepEqual(await all('raw', 'b#json'), ['OLD_DATA;1700000000.0,-1.5', '[1700000000.0, -1.5]'])
    })
  })

  describe('serves', () => {
    it('undeclared codenames by json_wn and by name only, until they are forgotten', async () => {
      await lab('devices: { d: { codenames: { a: {} } } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, device: d }]')
      await mqtt.publish('lab/d/a', '1')
      await mqtt.publish('lab/d/ghost', '2.5')
      await mqtt.publish('lab/d/p%20error', '3')
      const a = '[1700000000.0, 1]'
      assert.deepEqual(
        await all('json_wn', 'json', 'raw', 'raw_wn', 'codenames_raw', 'codenames_json', 'ghost#raw', 'ghost#json', 'p error#raw'),
        [
          `{"a": ${a}, "ghost": [1700000000.0, 2.5], "p error": [1700000000.0, 3]}`,
          `[${a}]`,
          '1700000000.0,1',
          'a:1700000000.0,1',
          'a',
          '["a"]',
          '1700000000.0,2.5',
          '[1700000000.0, 2.5]',
          '1700000000.0,3'
        ]
      )
      await mqtt.publish('lab/d/ghost', '', { retain: true })
      assert.deepEqual(await all('json_wn', 'ghost#raw'), [`{"a": ${a}, "p error": [1700000000.0, 3]}`, 'UNKNOWN_COMMMAND'])
    })

    it('undeclared codenames that were there before it started', async () => {
      await lab(
        'devices: { d: { codenames: { a: {} } } }\nadapters:\n  - { id: pull, type: data-pull-server, port: 0, device: d }\n  - { id: push, type: data-push-server, port: 0, device: d }'
      )
      assert.equal(await ask('json_wn#{"ghost": 1}', 'push'), "ACK#{'ghost': 1}")
      assert.equal(await ask('json_wn'), '{"a": "OLD_DATA", "ghost": [1700000000.0, 1]}')
    })

    it('a device under its original names, in declared order; its own names are unknown then', async () => {
      const codenames = new Map<string, Codename>([
        ['t', { original: 'Temperature 1' }],
        ['p', { original: 'p/error' }],
        ['q', {}]
      ])
      const old: AdapterType = {
        type: 'old-machine',
        configSchema: { type: 'object', additionalProperties: false },
        plan: ({ id }) => ({ feeds: [{ device: id }], devices: new Map([[id, { codenames }]]) }),
        create: ({ id }, host) => ({
          start: () => host.publish(...['q', 'p', 't'].map((codename) => ({ device: id, codename, value: 1n }))),
          stop: () => Promise.resolve()
        })
      }
      await lab('adapters: [{ id: d, type: old-machine }, { id: pull, type: data-pull-server, port: 0, device: d }]', { types: [old] })
      await mqtt.subscribe('lab/d/+')
      await mqtt.next('lab/d/t')
      assert.deepEqual(await all('codenames_raw', 'codenames_json', 'Temperature 1#raw', 'p/error#raw', 't#raw', 'p#raw', 'q#raw'), [
        'Temperature 1,p/error,q',
        '["Temperature 1", "p/error", "q"]',
        '1700000000.0,1',
        '1700000000.0,1',
        'UNKNOWN_COMMMAND',
        'UNKNOWN_COMMMAND',
        '1700000000.0,1'
      ])
      assert.equal(await ask('json_wn'), '{"Temperature 1": [1700000000.0, 1], "p/error": [1700000000.0, 1], "q": [1700000000.0, 1]}')
    })

    it('channels picked, renamed and ordered across devices, and nothing else of them', async () => {
      await lab(
        'devices: { d: { codenames: { a: {}, b: {} } }, e: { codenames: { a: {} } } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, channels: { raw: e/a, "x y": d/b } }]'
      )
      await mqtt.publish('lab/d/a', '1')
      await mqtt.publish('lab/d/b', '2')
      await mqtt.publish('lab/e/a', '3')
      await mqtt.publish('lab/e/ghost', '4')
      assert.deepEqual(await all('codenames_raw', 'json_wn', 'raw#raw', 'x y#json', 'a#raw', 'ghost#raw'), [
        'raw,x y',
        '{"raw": [1700000000.0, 3], "x y": [1700000000.0, 2]}',
        '1700000000.0,3',
        '[1700000000.0, 2]',
        'UNKNOWN_COMMMAND',
        'UNKNOWN_COMMMAND'
      ])
    })

    it('names of digits in configured order, of a device and of a channel map', async () => {
      await lab(`devices: { mfc: { codenames: { 21984878: {}, 21984877: {}, 1: {} } } }
adapters:
  - { id: pull, type: data-pull-server, port: 0, device: mfc }
  - { id: map, type: data-pull-server, port: 0, channels: { 21984878: mfc/21984878, 21984877: mfc/21984877, 1: mfc/1 } }`)
      for (const codename of ['1', '21984877', '21984878']) await mqtt.publish(`lab/mfc/${codename}`, codename)
      for (const instance of ['pull', 'map']) {
        assert.equal(await ask('codenames_raw', instance), '21984878,21984877,1')
        assert.equal(await ask('raw', instance), '1700000000.0,21984878;1700000000.0,21984877;1700000000.0,1')
        assert.equal(
          await ask('json_wn', instance),
          '{"21984878": [1700000000.0, 21984878], "21984877": [1700000000.0, 21984877], "1": [1700000000.0, 1]}'
        )
      }
    })

    it('values as exactly as they came: ints and floats, big and odd ones, words, None, text beyond ASCII', async () => {
      await lab(`devices: { d: { codenames: {} }, n: { codenames: { f: { schema: { type: number } }, i: { schema: { type: integer } }, none: {}, text: {}, list: {}, dict: {} } } }
adapters:
  - { id: push, type: data-push-server, port: 0, device: d }
  - { id: pull, type: data-pull-server, port: 0, device: d }
  - { id: native, type: data-pull-server, port: 0, device: n }`)
      await ask(
        'raw_wn#i:int:47;f:float:47;big:int:123456789012345678901234567890;nan:float:nan;inf:float:-inf;tiny:float:0.00001;huge:float:1e16;t:bool:True',
        'push'
      )
      const raw: string[] = []
      for (const name of ['i', 'f', 'big', 'nan', 'inf', 'tiny', 'huge', 't'])
        raw.push((await ask(`${name}#raw`)).replace('1700000000.0,', ''))
      assert.deepEqual(raw, ['47', '47.0', '123456789012345678901234567890', 'nan', '-inf', '1e-05', '1e+16', 'True'])
      assert.equal(await ask('nan#json'), '[1700000000.0, NaN]')
      assert.equal(await ask('inf#json'), '[1700000000.0, -Infinity]')

      await mqtt.publish('lab/n/f', '47')
      await mqtt.publish('lab/n/i', '47')
      await mqtt.publish('lab/n/none', { value: null })
      await mqtt.publish('lab/n/text', 'café 😀')
      await mqtt.publish('lab/n/list', '[1, 2.0, "é"]')
      await mqtt.publish('lab/n/dict', '{"value": {"b": 1, "a": null}}')
      const native: string[] = []
      for (const name of ['f', 'i', 'none', 'text', 'list', 'dict'])
        native.push((await ask(`${name}#raw`, 'native')).replace('1700000000.0,', ''))
      assert.deepEqual(native, ['47.0', '47', 'OLD_DATA', 'caf\\xe9 \\U0001f600', "[1, 2.0, '\\xe9']", "{'b': 1, 'a': None}"])
      assert.equal(await ask('text#json', 'native'), '[1700000000.0, "caf\\u00e9 \\ud83d\\ude00"]')
      assert.equal(await ask('none#json', 'native'), '"OLD_DATA"')
    })

    it('x,y data: the x of the reading, or its time where it has none', async () => {
      await lab(`devices: { scope: { codenames: { trace: { maxAge: 2 } } } }
adapters:
  - { id: pull, type: data-pull-server, kind: data, port: 0, device: scope }
  - { id: date, type: data-pull-server, kind: date, port: 0, device: scope }`)
      await mqtt.publish('lab/scope/trace', '{"value": 0.5, "x": 12}')
      assert.deepEqual(await all('trace#raw', 'json'), ['12,0.5', '[[12, 0.5]]'])
      assert.equal(await ask('trace#raw', 'date'), '1700000000.0,0.5')
      clock.advance(2.5)
      assert.equal(await ask('trace#raw'), 'OLD_DATA')
      await mqtt.publish('lab/scope/trace', '1')
      assert.equal(await ask('trace#raw'), '1700000002.5,1')
    })

    it('nothing to what is not ASCII, and goes on', async () => {
      await lab('devices: { d: { codenames: { a: {} } } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, name: N, device: d }]')
      await udp.send(running.port('pull'), Buffer.from('namé'))
      assert.equal(await ask('name'), 'N')
      assert.equal(await ask(''), 'UNKNOWN_COMMMAND')
    })
  })

  describe('status', () => {
    interface Status {
      system_status: Record<string, unknown>
      socket_server_status: Record<string, { name: string; type: string; status: string; since_last_activity: number | null }>
    }
    const status = async (instance: string): Promise<Status> => {
      const text = await ask('status', instance)
      const answer = JSON.parse(text) as Status
      const ajv = new Ajv({ strict: false })
      assert.ok(ajv.validate(JSON.parse(readFileSync(schemaFile, 'utf8')) as object, answer), ajv.errorsText())
      return answer
    }

    it('keeps to the schema of the recordings and lists the sockets of the asked address only', async () => {
      await lab(`devices: { d: { codenames: { a: {} } } }
adapters:
  - { id: date, type: data-pull-server, port: 0, device: d, name: A date }
  - { id: data, type: data-pull-server, port: 0, device: d, kind: data, name: Some data, checkActivity: false }
  - { id: push, type: data-push-server, port: 0, device: d, name: Ü }
  - { id: other, type: data-pull-server, port: 0, device: d, host: 127.0.0.2, name: Elsewhere }`)
      const date = await status('date')
      assert.deepEqual(date.socket_server_status, {
        [running.port('date')]: { name: 'A date', type: 'date', status: 'OK', since_last_activity: 0 },
        [running.port('data')]: { name: 'Some data', type: 'data', status: 'DISABLED', since_last_activity: null },
        [running.port('push')]: { name: 'Ü', type: 'push', status: 'DISABLED', since_last_activity: null }
      })
      assert.deepEqual((await status('push')).socket_server_status, date.socket_server_status)
      for (const key of ['last_apt_cache_change_unixtime']) assert.equal(typeof date.system_status[key], 'number')
    })

    it('counts new readings as activity, also undeclared ones, but no question; equal to the time-out is inactive', async () => {
      await lab(
        'devices: { d: { codenames: { a: {} } } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, device: d, activityTimeout: 10 }]'
      )
      const now = async (): Promise<[string, number | null]> => {
        const [socket] = Object.values((await status('pull')).socket_server_status)
        return [socket?.status as string, socket?.since_last_activity as number | null]
      }
      assert.deepEqual(await now(), ['OK', 0])
      clock.advance(9.75)
      await ask('a#raw')
      assert.deepEqual(await now(), ['OK', 9.75])
      clock.advance(0.25)
      assert.deepEqual(await now(), ['INACTIVE', 10])
      await mqtt.publish('lab/d/a', '1')
      assert.deepEqual(await now(), ['OK', 0])
      clock.advance(3)
      await mqtt.publish('lab/d/ghost', '1')
      assert.deepEqual(await now(), ['OK', 0])
    })

    it('stays under 4000 bytes with 60 sockets, never leaves out the asked one, and counts what it left out', async () => {
      const sockets = Array.from(
        { length: 60 },
        (_, i) => `  - { id: pull${i}, type: data-pull-server, port: 0, device: d, name: Socket number ${i} }`
      )
      await lab(`devices: { d: { codenames: { a: {} } } }\nadapters:\n${sockets.join('\n')}`)
      for (let i = 0; i < 60; i += 7) {
        const instance = `pull${i}`
        const text = await ask('status', instance)
        assert.ok(text.length <= 4000, `${text.length} bytes`)
        const listed = (await status(instance)).socket_server_status
        assert.equal(listed[running.port(instance)]?.name, `Socket number ${i}`)
        assert.ok(Object.keys(listed).length > 15 && Object.keys(listed).length < 60)
      }
    })
  })
})
