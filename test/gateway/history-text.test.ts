import assert from 'node:assert/strict'
import { csvBucket, csvHeader, csvReading, ndjsonBucket, ndjsonReading } from '../../gateway/http/history-text.js'
import type { Point } from '../../gateway/history/types.js'

const whose = { device: 'furnace', codename: 'p error' }
const reading: Point = { time: 1_700_000_000.25, quality: 'good', value: 47 }
const bucket = { time: 1_700_000_000, count: 3, min: 1, max: 2.5, mean: 2, isGap: false }

/** As a reader that keeps to RFC 4180 has it, with what was in quotes marked. */
function cells(line: string): string[] {
  const found: string[] = []
  assert.ok(line.endsWith('\r\n'))
  const rest = line.slice(0, -2)
  for (const [, text, plain] of rest.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",\r\n]*))(?=,|$)/g))
    found.push(text === undefined ? (plain as string) : `»${text.replaceAll('""', '"')}`)
  assert.equal(found.map((cell) => (cell.startsWith('»') ? `"${cell.slice(1).replaceAll('"', '""')}"` : cell)).join(','), rest)
  return found
}

describe('history as CSV', () => {
  it('has a header and as many cells in each row', () => {
    for (const isPlot of [false, true]) {
      const { length } = cells(csvHeader(isPlot))
      assert.equal(cells(csvReading(whose, reading, isPlot)).length, length)
      if (isPlot) assert.equal(cells(csvBucket(whose, bucket, 10)).length, length)
    }
    assert.equal(csvHeader(false), 'time,device,codename,quality,value,unit,since,source,error,uncertainty,x,seq,run\r\n')
  })

  it('shows all that a reading has', () => {
    const full: Point = {
      ...reading,
      unit: '°C',
      since: 1_700_000_010,
      quality: 'stale',
      source: 'poll',
      error: { class: 'DeviceError', message: 'the "valve", stuck', retryable: true, code: 'E7' },
      uncertainty: 0.5,
      x: [1, 2n],
      seq: 7,
      run: 'warm up'
    }
    assert.equal(
      csvReading(whose, full),
      '2023-11-14T22:13:20.25Z,furnace,"p error",stale,47,°C,2023-11-14T22:13:30Z,poll,"DeviceError: the ""valve"", stuck (E7)",0.5,"[1,2]",7,warm up\r\n'
    )
  })

  const values: [Point['value'], string][] = [
    [47, '47'],
    [2n ** 100n, '1267650600228229401496703205376'],
    [-0.1, '-0.1'],
    [1e-9, '1e-9'],
    [NaN, ''],
    [null, ''],
    [true, 'true'],
    ['', '»'],
    ['12', '»12'],
    ['=1+1', '»=1+1'],
    ['@SUM(A1)', '»@SUM(A1)'],
    ['a "b", c\r\nd', '»a "b", c\r\nd'],
    [[1, null, 'x'], '»[1,null,"x"]'],
    [new Map([['a', 1]]), '»{"a":1}']
  ]
  for (const [value, cell] of values)
    it(`writes ${typeof value === 'bigint' ? value : JSON.stringify(value)} as ${JSON.stringify(cell)}`, () =>
      assert.equal(cells(csvReading(whose, { ...reading, value }))[4], cell))

  it('quotes names and units that a spreadsheet would calculate', () => {
    const row = cells(csvReading({ device: '=x', codename: '+y' }, { ...reading, unit: '-1', run: '@z' }))
    assert.deepEqual([row[1], row[2], row[5], row[12]], ['»=x', '»+y', '»-1', '»@z'])
  })

  it('has roll-ups in columns of their own', () => {
    const row = cells(csvBucket({ ...whose, unit: 'C' }, { ...bucket, mean: null, isGap: true }, 300))
    assert.deepEqual(row, [
      '2023-11-14T22:13:20Z',
      'furnace',
      '»p error',
      '',
      '',
      'C',
      '',
      '',
      '',
      '',
      '',
      '',
      '',
      '300',
      '3',
      '1',
      '2.5',
      '',
      'true'
    ])
  })
})

describe('history as NDJSON', () => {
  it('has the reading as on MQTT, with whose it is', () => {
    const line = ndjsonReading(whose, { ...reading, value: 2n ** 60n, unit: 'C', since: 1_700_000_010, quality: 'stale' })
    assert.equal(
      line,
      '{"codename":"p error","device":"furnace","quality":"stale","since":"2023-11-14T22:13:30Z","time":"2023-11-14T22:13:20.25Z","unit":"C","value":"1152921504606846976"}\n'
    )
  })

  it('has roll-ups with their step', () => {
    assert.deepEqual(JSON.parse(ndjsonBucket({ ...whose, unit: 'C' }, { ...bucket, isGap: true }, 10)), {
      ...whose,
      time: '2023-11-14T22:13:20Z',
      step: 10,
      unit: 'C',
      count: 3,
      min: 1,
      max: 2.5,
      mean: 2,
      gap: true
    })
  })
})
