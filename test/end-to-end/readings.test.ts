import assert from 'node:assert/strict'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { UdpClient } from '../support/udp.js'

describe('readings from MQTT clients', () => {
  let lab: Lab
  let client: TestClient
  let reader: TestClient
  let udp: UdpClient

  before(async () => {
    lab = await startLab()
    client = await lab.connect({ clientId: 'sensor' })
    reader = await lab.connect()
    await reader.subscribe('lab/#', 'lab-dead/#')
    await reader.settled()
    udp = new UdpClient()
  })

  after(async () => {
    await udp.close()
    await lab.stop()
  })

  async function becomes(codename: string, payload: string | object): Promise<Record<string, unknown>> {
    reader.drop()
    await client.publish(`lab/weather/${codename}`, payload)
    return await reader.nextJson((message) => message.topic === `lab/weather/${codename}` && !message.retain)
  }

  async function refused(codename: string, payload: string | object): Promise<string> {
    reader.drop()
    await client.publish(`lab/weather/${codename}`, payload)
    const letter = await reader.nextJson(`lab-dead/lab/weather/${codename}`)
    assert.ok(!reader.left.some(({ topic, retain }) => topic === `lab/weather/${codename}` && !retain))
    return `${String(letter['class'])} ${String(letter['rule'])}`
  }

  it('may be plain: the value gets time, unit, quality and source', async () => {
    const { time, ...reading } = await becomes('wind', '21.5')
    assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 2000)
    assert.deepEqual(reading, { quality: 'good', source: 'client', unit: 'm/s', value: 21.5 })
  })

  const plain: [codename: string, payload: string, value: unknown][] = [
    ['free', 'true', true],
    ['free', '-1e3', -1000],
    ['free', 'open', 'open'],
    ['free', '+4.2', 4.2],
    ['wind', ' .5', 0.5],
    ['wind', '4.', 4],
    ['sky', '+4.2', '+4.2'],
    ['free', '  42 ', 42],
    ['free', '"42"', '42'],
    ['free', '[1, 2.5, "a", null]', [1, 2.5, 'a', null]],
    ['free', '12345678901234567890', '12345678901234567890'],
    ['free', '[9007199254740993]', ['9007199254740993']],
    ['sky', 'light clouds', 'light clouds'],
    ['sky', '"quoted"', 'quoted'],
    ['sky', '42', '42'],
    ['sky', 'nan', 'nan'],
    ['sky', '{not json', '{not json'],
    ['drops', '47', 47],
    ['drops', '47.0', 47],
    ['drops', '9007199254740993', '9007199254740993']
  ]
  for (const [codename, payload, value] of plain)
    it(`${payload} for ${codename} is the value ${JSON.stringify(value)}`, async () => {
      assert.deepEqual((await becomes(codename, payload))['value'], value)
    })

  for (const word of ['nan', 'NaN', '-inf', 'Infinity', '1e400'])
    it(`${word} becomes null, quality bad, error NotFinite`, async () => {
      const { value, quality, error } = await becomes('wind', word)
      assert.deepEqual([value, quality, (error as { class: string }).class], [null, 'bad', 'NotFinite'])
    })

  it('may be JSON with a time in any offset and precision', async () => {
    const { time, value } = await becomes('wind', { value: 3, time: '2014-10-24T13:26:55.6976481234+02:00' })
    assert.deepEqual([time, value], ['2014-10-24T11:26:55.697648Z', 3])
  })

  it('may be JSON without a time: then it is that of arrival', async () => {
    const { time } = await becomes('wind', { value: 3 })
    assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 2000)
  })

  it('keep what else they say: unit, x, uncertainty, seq, run, quality', async () => {
    const said = { value: 3, unit: 'm/s', x: [1, 2], uncertainty: 0.5, seq: 7, run: 'storm', quality: 'uncertain' }
    const { time: _, ...reading } = await becomes('wind', said)
    assert.deepEqual(reading, { ...said, source: 'client' })
  })

  it('may be stale or bad by their own word; null is bad', async () => {
    assert.equal((await becomes('wind', { value: 3, quality: 'stale' }))['quality'], 'stale')
    const error = { class: 'DeviceError', code: 'E7', message: 'frozen', retryable: true }
    const bad = await becomes('wind', { value: null, quality: 'bad', error })
    assert.deepEqual([bad['value'], bad['quality'], bad['error']], [null, 'bad', error])
    assert.equal((await becomes('wind', 'null'))['quality'], 'bad')
    assert.equal((await becomes('wind', { value: null }))['quality'], 'bad')
  })

  it('cannot claim another source than client', async () => {
    assert.equal((await becomes('wind', { value: 3, source: 'simulated' }))['source'], 'client')
  })

  it('in another unit than declared are refused: a number in the wrong unit looks fresh', async () => {
    assert.equal(await refused('wind', { value: 4, unit: 'km/h' }), 'BadPayload unit')
    assert.equal((await becomes('wind', { value: 4, unit: 'm/s' }))['unit'], 'm/s')
  })

  it('with a time of another form are refused in words that show the right one', async () => {
    for (const time of ['2026-11-21T15:06:41.907', 1795273260.6]) {
      reader.drop()
      await client.publish('lab/weather/wind', { value: 4, time })
      const { reason } = await reader.nextJson('lab-dead/lab/weather/wind')
      assert.match(String(reason), /^time must be RFC 3339 with a time zone, e\.g\. 2026/)
    }
  })

  it('on a codename that an instance writes are refused, with the topic of a set where that was meant', async () => {
    reader.drop()
    await client.publish('lab/furnace/setpoint', '300')
    const { reason } = await reader.nextJson('lab-dead/lab/furnace/setpoint')
    assert.equal(reason, 'furnace/setpoint is written by the instance oven; to set it, publish to lab/furnace/setpoint/set')
    await client.publish('lab/furnace/set', '300')
    const other = await reader.nextJson('lab-dead/lab/furnace/set')
    assert.equal(other['reason'], 'furnace/set is written by the instance oven; set is the last level of lab/<device>/<codename>/set')
  })

  it('are bytes with sorted keys, so that equal readings are equal bytes', async () => {
    reader.drop()
    await client.publish('lab/weather/wind', '{"value": 3, "unit": "m/s", "time": "2014-10-24T11:26:55Z", "quality": "good"}')
    const { text } = await reader.next('lab/weather/wind')
    assert.equal(text, '{"quality":"good","source":"client","time":"2014-10-24T11:26:55Z","unit":"m/s","value":3}')
  })

  it('are retained with QoS 1, also when they were published without; subscribers get them live without the flag', async () => {
    reader.drop()
    await client.publish('lab/weather/wind', '4', { qos: 0 })
    assert.equal((await reader.next('lab/weather/wind')).retain, false)
    const late = await lab.connect()
    await late.subscribe('lab/weather/wind')
    const kept = await late.next('lab/weather/wind')
    assert.equal(kept.retain, true)
    assert.equal((JSON.parse(kept.text) as { value: number }).value, 4)
  })

  const wrong: [codename: string, payload: string | object, rule: string][] = [
    ['wind', 'calm', 'WrongType type'],
    ['wind', 'true', 'WrongType type'],
    ['wind', '-1', 'RangeError minimum'],
    ['wind', { value: 101 }, 'RangeError maximum'],
    ['wind', { value: '3' }, 'WrongType type'],
    ['drops', '1.5', 'WrongType type'],
    ['sky', { value: 42 }, 'WrongType type'],
    ['free', {}, 'BadPayload required'],
    ['free', { temperature: 3 }, 'BadPayload required'],
    ['free', { value: 3, valu: 4 }, 'BadPayload additionalProperties'],
    ['free', { value: 3, quality: 'fine' }, 'BadPayload enum'],
    ['free', { value: null, quality: 'good' }, 'BadPayload const'],
    ['free', { value: 3, time: 1414150015 }, 'BadPayload time'],
    ['free', { value: 3, time: '2026-02-30T00:00:00Z' }, 'BadPayload time'],
    ['free', { value: 3, time: 'now' }, 'BadPayload time'],
    ['free', { value: 3, seq: -1 }, 'BadPayload minimum'],
    ['free', { value: 3, error: 'broken' }, 'BadPayload type'],
    ['free', '{"value": 3', 'BadPayload json'],
    ['free', '[1, 2', 'BadPayload json'],
    ['free', `${'['.repeat(1000)}${']'.repeat(1000)}`, 'BadPayload json'],
    ['free', '', 'BadPayload empty']
  ]
  for (const [codename, payload, rule] of wrong)
    it(`${JSON.stringify(payload).slice(0, 60)} for ${codename} is refused: ${rule}`, async () => {
      assert.equal(await refused(codename, payload), rule)
    })

  it('show on the mirror as bare text, only while they are good or uncertain and a scalar', async () => {
    const mirror = async (payload: string | object): Promise<string | undefined> => {
      await becomes('free', payload)
      await reader.settled()
      return reader.left.find(({ topic }) => topic === 'lab/weather/free/value')?.text
    }
    assert.equal(await mirror('21.50'), '21.5')
    assert.equal(await mirror('text'), 'text')
    assert.equal(await mirror('12345678901234567890'), '12345678901234567890')
    assert.equal(await mirror('false'), 'false')
    assert.equal(await mirror('[1]'), undefined)
    assert.equal(await mirror({ value: 3, quality: 'stale' }), undefined)
    assert.equal(await mirror({ value: 3, quality: 'bad' }), undefined)
  })

  it('are forgotten by a retained empty payload: a later subscriber gets nothing, a pull socket answers OLD_DATA', async () => {
    const port = lab.port('pull-weather')
    for (const topic of ['wind', 'rain']) await becomes(topic, '5')
    assert.match(await udp.ask(port, 'wind#raw'), /,5\.0$/)
    for (const topic of ['wind', 'rain']) await client.publish(`lab/weather/${topic}`, '', { retain: true })
    await reader.settled()
    assert.equal(await udp.ask(port, 'wind#raw'), 'OLD_DATA')
    const late = await lab.connect()
    assert.deepEqual(await late.retained('lab/weather/wind', 'lab/weather/rain', 'lab/weather/rain/value'), [])
  })

  it('reach a pull socket exactly: 47 for a number is 47.0, for an integer 47', async () => {
    const port = lab.port('pull-weather')
    await becomes('wind', '47')
    await becomes('drops', '47.0')
    assert.match(await udp.ask(port, 'wind#json'), /, 47\.0\]$/)
    assert.match(await udp.ask(port, 'drops#json'), /, 47\]$/)
  })
})
