import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { publishReadings } from '../support/history.js'
import type { Past } from '../support/history.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

interface Series {
  readonly device: string
  readonly codename: string
  readonly unit?: string
  readonly kind: string
  readonly readings?: readonly Past[]
  readonly rollups?: readonly Record<string, number>[]
  readonly next?: string | null
}

const yaml = `
history: { maxMemory: 268435456 }
devices:
  furnace:
    codenames: { temperature: { unit: C, schema: { type: number } }, note: { history: off }, heating: {} }
adapters: [{ id: oven, type: scripted, feeds: [furnace/heating] }]
`

describe('history over HTTP', () => {
  let lab: Lab
  let client: TestClient
  /** Unix seconds. */
  let now: number

  before(async () => {
    lab = await startLab({}, yaml)
    client = await lab.connect()
    now = Math.floor(Date.now() / 1000)
    await publishReadings(
      client,
      'furnace/temperature',
      now - 3000,
      upTo(2500).map((i) => 20 + i / 10)
    )
    await publishReadings(client, 'weather/wind', now - 2999.5, upTo(300))
  })

  after(() => lab.stop())

  const ask = (path: string, headers: OutgoingHttpHeaders = {}): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port: lab.httpPort, path: `/api/${path}`, headers, agent: false }, resolve).once('error', reject)
    })

  async function bytes(answer: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }

  async function text(path: string, headers?: OutgoingHttpHeaders): Promise<[text: string, answer: IncomingMessage]> {
    const answer = await ask(path, headers)
    return [(await bytes(answer)).toString(), answer]
  }

  async function json<T = Series & { from: string; to: string | null }>(path: string): Promise<T> {
    const [body, { statusCode, headers }] = await text(path)
    assert.deepEqual([statusCode, headers['content-type']], [200, 'application/json; charset=utf-8'], body)
    return JSON.parse(body) as T
  }

  const temperature = 'devices/furnace/temperature/history'

  it('is JSON up to a limit, and next leads through all of it', async () => {
    const values: unknown[] = []
    let from: string | undefined | null = String(now - 3600)
    let rounds = 0
    for (; typeof from === 'string'; rounds++) {
      const { next, readings = [], ...rest }: Series & { to: string | null } = await json(`${temperature}?from=${encodeURIComponent(from)}`)
      assert.deepEqual([rest.device, rest.codename, rest.unit, rest.kind, rest.to], ['furnace', 'temperature', 'C', 'readings', null])
      values.push(...readings.map(({ value }) => value))
      from = next
    }
    assert.deepEqual([rounds, values], [3, upTo(2500).map((i) => 20 + i / 10)])
  })

  it('takes times in each form, the newest first, and names as topics have them', async () => {
    const iso = new Date((now - 3000) * 1000).toISOString()
    for (const from of [iso, iso.replace('Z', '+00:00'), String(now - 3000), `-${Date.now() / 1000 - now + 3000.9}`])
      assert.equal((await json(`${temperature}?from=${from}&limit=2&to=${now}`)).readings?.[0]?.value, 20, from)
    const { readings = [], next } = await json(`${temperature}?order=newest&limit=3`)
    assert.deepEqual(
      readings.map(({ value }) => value),
      [269.9, 269.8, 269.7]
    )
    assert.equal((await json(`${temperature}?order=newest&limit=1&to=${next}`)).readings?.[0]?.value, 269.6)
    await client.publish('lab/elsewhere/p%20error', '7')
    for (const name of ['p%20error', 'p%2520error']) assert.equal((await json(`devices/elsewhere/${name}/history`)).readings?.[0]?.value, 7)
  })

  it('draws one codename, and several', async () => {
    const few = await json(`${temperature}?from=${now - 3000}&to=${now - 2990}&points=100`)
    assert.deepEqual([few.kind, few.readings?.length], ['readings', 10])
    const many = await json(`${temperature}?from=-3600&points=50`)
    assert.deepEqual([many.kind, many.rollups?.reduce((sum, { count = 0 }) => sum + count, 0)], ['rollups', 2500])
    const both = await json<{ series: Series[] }>('history?codename=furnace/temperature&codename=weather/wind&from=-3600&points=50')
    assert.deepEqual(
      both.series.map(({ codename, unit }) => [codename, unit]),
      [
        ['temperature', 'C'],
        ['wind', undefined]
      ]
    )
  })

  it('is CSV of several codenames in the order of time, complete', async () => {
    const [csv, { headers }] = await text('history?codename=furnace/temperature&codename=weather/wind&from=-3600&format=csv')
    assert.equal(headers['content-type'], 'text/csv; charset=utf-8; header=present')
    assert.match(String(headers['content-disposition']), /^attachment; filename="history-\d{4}-\d\d-\d\dT\d{6}Z\.csv"$/)
    const [header, ...rows] = csv.split('\r\n').slice(0, -1)
    assert.match(String(header), /^time,device,codename,quality,value,unit,/)
    assert.equal(rows.length, 2800)
    const cells = rows.map((row) => row.split(','))
    const times = cells.map(([time]) => Date.parse(time as string))
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b)
    )
    const of = (device: string): unknown[] => cells.filter((row) => row[1] === device).map((row) => Number(row[4]))
    assert.deepEqual([of('furnace'), of('weather')], [upTo(2500).map((i) => 20 + i / 10), upTo(300)])
    // They lie between each other.
    assert.deepEqual(
      cells.slice(0, 4).map(([, device]) => device),
      ['furnace', 'weather', 'furnace', 'weather']
    )
  })

  it('is NDJSON by Accept, packed where that is accepted, and exact to the digit', async () => {
    await lab.scripted.host('oven').publish({ device: 'furnace', codename: 'heating', value: 2n ** 70n })
    const answer = await ask('devices/furnace/heating/history', { accept: 'application/x-ndjson', 'accept-encoding': 'gzip, br' })
    assert.deepEqual([answer.headers['content-encoding'], answer.headers['content-type']], ['gzip', 'application/x-ndjson; charset=utf-8'])
    const line = JSON.parse(gunzipSync(await bytes(answer)).toString()) as Record<string, unknown>
    assert.deepEqual([line['device'], line['codename'], line['value'], line['quality']], ['furnace', 'heating', String(2n ** 70n), 'good'])
    assert.equal((await text('devices/furnace/heating/history?format=csv'))[0].split(',')[12 + 4], String(2n ** 70n))
  })

  it('has roll-ups as CSV and NDJSON too', async () => {
    const question = 'history?codename=furnace/temperature&codename=weather/wind&from=-3600&points=20'
    const [csv] = await text(`${question}&format=csv`)
    const rows = csv.trimEnd().split('\r\n')
    assert.ok(rows.every((row) => row.split(',').length === 19))
    assert.equal(
      rows.slice(1).reduce((sum, row) => sum + Number(row.split(',')[14] || 1), 0),
      2800
    )
    const [ndjson] = await text(`${question}&format=ndjson`)
    assert.equal(ndjson.trimEnd().split('\n').length, rows.length - 1)
  })

  const problems: [path: string, status: number, errorClass: string, detail: RegExp][] = [
    [`${temperature}?from=-1&to=-2`, 400, 'RangeError', /is after to/],
    [`${temperature}?from=soon`, 400, 'BadPayload', /from must be RFC 3339/],
    [`${temperature}?limit=0`, 400, 'BadPayload', /limit/],
    [`${temperature}?limit=20000`, 400, 'BadPayload', /limit/],
    [`${temperature}?limit=10&format=csv`, 400, 'BadPayload', /limit is of readings in JSON/],
    [`${temperature}?points=10&order=newest`, 400, 'BadPayload', /order is of readings in JSON/],
    [`${temperature}?form=-1`, 400, 'BadPayload', /form/],
    [`${temperature}?format=xml`, 400, 'BadPayload', /"csv"/],
    ['devices/furnace/temprature/history', 404, 'UnknownCodename', /did you mean "temperature"\?/],
    ['devices/furnance/temperature/history', 404, 'UnknownDevice', /did you mean "furnace"\?/],
    ['devices/furnace/note/history', 403, 'ReadOnly', /no history is kept of furnace\/note/],
    ['history?codename=furnace', 400, 'BadPayload', /device\/codename/],
    ['history', 400, 'BadPayload', /codename/],
    [
      `history?${upTo(40)
        .map(() => 'codename=weather/wind')
        .join('&')}`,
      400,
      'BadPayload',
      /codename/
    ],
    [
      `history?${upTo(11)
        .map(() => 'codename=weather/wind&codename=furnace/temperature')
        .join('&')}&points=10000`,
      200,
      '',
      /./
    ]
  ]
  for (const [path, status, errorClass, detail] of problems)
    it(`${path.slice(0, 80)} is ${status} ${errorClass}`, async () => {
      const [body, { statusCode, headers }] = await text(path)
      assert.equal(statusCode, status, body)
      if (status === 200) return
      assert.equal(headers['content-type'], 'application/problem+json; charset=utf-8')
      const problem = JSON.parse(body) as { class: string; detail: string }
      assert.equal(problem.class, errorClass)
      assert.match(problem.detail, detail)
    })

  describe('of much', () => {
    /** More than the sockets of the system hold. */
    const large = 'x'.repeat(16_000)
    const count = 450

    before(async () => {
      for (let i = 0; i < count; i++)
        await client.publish(
          'lab/scope/trace',
          { time: new Date((now - 2000 + i) * 1000).toISOString(), value: `${large}${i}` },
          { qos: i === count - 1 ? 1 : 0 }
        )
    })

    const trace = 'devices/scope/trace/history?from=-3600&format=ndjson'

    it('waits for who reads slowly, bounds how many there are, and ends with who goes', async () => {
      const open = await Promise.all(upTo(8).map(() => ask(trace)))
      // Nobody reads them, so none can end.
      const [body, refused] = await text(trace)
      assert.deepEqual([refused.statusCode, (JSON.parse(body) as { class: string }).class], [429, 'RateLimited'])
      for (const answer of open.slice(1)) answer.destroy()
      // Their places are free again.
      let whole = await text(trace)
      while (whole[1].statusCode === 429) whole = await text(trace)
      assert.equal(whole[0].trimEnd().split('\n').length, count)
      // The one that was held up is whole, too.
      const late = (await bytes(open[0] as IncomingMessage)).toString().trimEnd().split('\n')
      assert.deepEqual([late.length, late.at(-1)], [count, whole[0].trimEnd().split('\n').at(-1)])
    }).timeout(10_000)

    it('is cut off, and not ended as if it were whole, when the gateway stops', async () => {
      const answer = await ask(trace)
      const [first] = (await once(answer, 'data')) as [Buffer]
      answer.pause()
      await lab.gateway.stop()
      answer.resume()
      await assert.rejects(bytes(answer), /aborted/)
      assert.ok(first.length > 0)
      assert.equal(answer.complete, false)
    })
  })
})
