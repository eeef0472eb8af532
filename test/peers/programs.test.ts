import assert from 'node:assert/strict'
import type { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { Program, withFreePorts } from '../process/program.js'

type Json = Record<string, unknown>

describe('programs that people have', function () {
  // Each starts processes.
  this.timeout(15_000)
  let running: Running
  let watch: TestClient
  const programs: Program[] = []

  function run(command: string, args: readonly string[], input?: string): Program {
    const program = new Program(command, args, input === undefined ? {} : { input })
    programs.push(program)
    return program
  }

  before(async () => {
    running = await start(withFreePorts('gateway.yaml'))
    watch = await running.connect()
    await watch.subscribe('lab/+/+/reply', 'lab-dead/#', 'lab/furnace/setpoint')
  })

  beforeEach(async () => {
    // What simulated instruments read is no concern of the next test.
    await watch.settled()
    while (watch.left.length > 0) await watch.next(() => true)
  })

  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.gone()))
  })

  after(async () => {
    await running.stop()
    assert.deepEqual(
      running.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  })

  describe('mosquitto_pub and mosquitto_sub', () => {
    before(function () {
      needs(this, 'mosquitto_pub', 'mosquitto_sub')
    })

    /** Publishes and wants exit code 0; QoS 1, so that the broker has taken it. */
    async function pub(topic: string, message: string, ...more: string[]): Promise<void> {
      const { code, stderr } = await run('mosquitto_pub', [
        '-p',
        String(running.mqttPort),
        '-q',
        '1',
        '-t',
        topic,
        '-m',
        message,
        ...more
      ]).ended()
      assert.deepEqual([code, stderr], [0, ''])
    }

    it('show everything that happens', async () => {
      const sub = run('mosquitto_sub', ['-p', String(running.mqttPort), '-t', 'lab/#', '-v', '-C', '110', '-W', '8'])
      const { code, stdout } = await sub.ended()
      assert.equal(code, 0)
      for (const topic of [
        'lab/furnace {"reason"',
        'lab/furnace/temperature {"quality":"good"',
        'lab/furnace/temperature/meta {',
        'lab/gateway {',
        'lab/gateway/version {'
      ])
        assert.ok(`\n${stdout}`.includes(`\n${topic}`), `${topic} in\n${stdout}`)
    })

    it('set the simulated furnace, and see reply and reading', async () => {
      const sub = run('mosquitto_sub', [
        '-p',
        String(running.mqttPort),
        '-d',
        '-t',
        'lab/furnace/setpoint/reply',
        '-t',
        'lab/furnace/setpoint',
        '-v',
        '-W',
        '8'
      ])
      await sub.says(/received SUBACK|Subscribed/)
      await pub('lab/furnace/setpoint/set', '275.5')
      const [, reply] = await sub.says(/lab\/furnace\/setpoint\/reply (\{.*"phase":"done".*\})/)
      const { op, value } = JSON.parse(reply as string) as Json
      assert.deepEqual([op, value], ['set', 275.5])
      await sub.says(/lab\/furnace\/setpoint \{.*"value":275\.5\}/)
    })

    for (const [what, topic, message, more, expected] of [
      ['out of range', 'furnace/setpoint/set', '{"id":"r","value":1e6}', [], 'RangeError'],
      ['that is retained', 'furnace/setpoint/set', '{"id":"r","value":100}', ['-r'], 'Retained'],
      ['that has expired', 'furnace/setpoint/set', '{"id":"r","value":100,"expires":"2020-01-01T00:00:00Z"}', [], 'Expired'],
      ['of the wrong type', 'furnace/setpoint/set', '{"id":"r","value":"hot"}', [], 'WrongType'],
      ['to what takes none', 'furnace/temperature/set', '{"id":"r","value":100}', [], 'ReadOnly'],
      ['to an unknown codename', 'furnace/setpiont/set', '{"id":"r","value":100}', [], 'UnknownCodename'],
      ['to an unknown device', 'furnaces/setpoint/set', '{"id":"r","value":100}', [], 'UnknownDevice']
    ] as const)
      it(`get a failed reply and a dead letter for a set ${what}`, async () => {
        await pub(`lab/${topic}`, message, ...more)
        const reply = await watch.nextJson(`lab/${topic.replace(/\/set$/, '')}/reply`)
        const error = reply['error'] as Json
        assert.deepEqual([reply['id'], reply['phase'], error['class']], ['r', 'failed', expected])
        const dead = await watch.nextJson(`lab-dead/lab/${topic}`)
        assert.deepEqual([dead['class'], dead['payload'], dead['reason']], [expected, message, error['message']])
        if (expected !== 'Retained') return
        const late = run('mosquitto_sub', ['-p', String(running.mqttPort), '-t', `lab/${topic}`, '-W', '1'])
        assert.equal((await late.ended()).stdout, '')
      })

    it('move the furnace once with the same id sent twice', async () => {
      const command = '{"id":"same","value":120}'
      await pub('lab/furnace/setpoint/set', command, '-i', 'twice')
      await watch.next(({ topic, text }) => topic.endsWith('/reply') && text.includes('"same"'), 'the first reply')
      await pub('lab/furnace/setpoint/set', '{"id":"other","value":130}')
      await watch.next(({ topic, text }) => topic.endsWith('/reply') && text.includes('"other"'), 'the other reply')
      await pub('lab/furnace/setpoint/set', command, '-i', 'twice')
      const again = await watch.nextJson(({ topic, text }) => topic.endsWith('/reply') && text.includes('"same"'))
      assert.deepEqual([again['phase'], again['value']], ['done', 120])
      await pub('lab/furnace/setpoint/get', '{"id":"look"}')
      const look = await watch.nextJson(({ topic, text }) => topic.endsWith('/reply') && text.includes('"look"'))
      assert.equal(look['value'], 130)
      await watch.settled()
      const setpoints = watch.left
        .filter(({ topic }) => topic === 'lab/furnace/setpoint')
        .map(({ text }) => (JSON.parse(text) as Json)['value'])
      const moves = setpoints.filter((value, i) => value !== setpoints[i - 1])
      assert.deepEqual(moves.slice(-2), [120, 130])
    })

    it('get a result from a call, and a failed one with the device’s own text', async () => {
      const replied = async (codename: string): Promise<Json> =>
        await watch.nextJson(({ topic, text }) => topic === `lab/laser/${codename}/reply` && !text.includes('"accepted"'))
      await pub('lab/laser/power/set', '10')
      assert.equal((await replied('power'))['phase'], 'done')
      await pub('lab/laser/fire/call', '{"id":"shot","arguments":{"duration":0.1}}')
      const shot = await replied('fire')
      assert.deepEqual([shot['id'], shot['phase'], typeof shot['value']], ['shot', 'done', 'string'])
      await pub('lab/laser/door/set', 'open')
      assert.equal((await replied('door'))['phase'], 'done')
      await pub('lab/laser/fire/call', '{"id":"no shot","arguments":{"duration":0.1}}')
      const refused = await replied('fire')
      assert.deepEqual([refused['id'], refused['phase'], (refused['error'] as Json)['class']], ['no shot', 'failed', 'Locked'])
      assert.match(String((refused['error'] as Json)['message']), /interlock/)
    })
  })

  describe('nc', () => {
    before(function () {
      needs(this, 'nc')
    })

    const nc = async (instance: string, text: string): Promise<string> => {
      const { code, stdout } = await run('nc', ['-u', '-w1', '127.0.0.1', String(running.port(instance))], text).ended()
      assert.equal(code, 0)
      return stdout
    }

    it('asks for json_wn, with printf', async () => {
      const shell = run('sh', ['-c', `printf json_wn | nc -u -w1 127.0.0.1 ${running.port('overview')}`])
      const { code, stdout } = await shell.ended()
      const answer = JSON.parse(stdout) as Record<string, [number, number]>
      assert.deepEqual([code, Object.keys(answer).length], [0, 8])
      assert.ok(Math.abs((answer['furnace_temperature']?.[0] ?? 0) - Date.now() / 1000) < 10)
    })

    it('steers the furnace as an old client does', async () => {
      assert.equal(await nc('furnace-push', 'raw_wn#setpoint:float:222'), "ACK#{'setpoint': 222.0}")
      assert.equal((await watch.nextJson('lab/furnace/setpoint/reply'))['value'], 222)
      assert.match(await nc('overview', 'furnace_setpoint#raw'), /^\d+\.\d+,222\.0$/)
    })
  })
})
