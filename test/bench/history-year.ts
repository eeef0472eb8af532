/** How fast a long history is drawn. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '../../gateway/adapter.js'
import { systemClock } from '../../gateway/clock.js'
import { Devices } from '../../gateway/devices.js'
import { History } from '../../gateway/history/history.js'
import { Topics } from '../../gateway/topic.js'
import { fillHistory } from '../support/fill-history.js'
import * as labs from './labs.js'
import type { Line, Row } from './rows.js'
import { labgate } from './sides.js'
import { figure, median } from './table.js'

/** Days of one reading a second; a year is LABGATE_HISTORY_DAYS=365. */
const days = Number(process.env['LABGATE_HISTORY_DAYS'] ?? 30)

const day = 86_400
const device = 'furnace'
const codename = 'temperature'

/** As many as a screen has dots from left to right. */
const points = 1000

/** How often each is asked again. */
const again = 9

const spans: readonly (readonly [name: string, days: number])[] = [
  ['a year', 365],
  ['a month', 30],
  ['a day', 1],
  ['an hour', 1 / 24]
]

export const historyYear: Row = {
  name: 'history-year',
  says: `${days} days of one codename at 1 Hz, drawn with ${points} points: the first time with nothing of it in memory, and then (median of ${again}); of what lies ${days} days back to now, and not only of the newest`,
  run: async ({ nodeOptions }) => {
    const folder = mkdtempSync(join(tmpdir(), 'labgate-bench-year-'))
    try {
      const to = Math.floor(Date.now() / 1000)
      const begun = performance.now()
      const value = (time: number): number => Math.round((20 + 5 * Math.sin(time / 14_000) + ((time * 7919) % 997) / 997) * 1000) / 1000
      const count = await fillHistory(folder, { device, codename, unit: 'C', from: to - days * day, to, period: 1, value })
      const lines: Line[] = [
        ['history-year', 'readings made', `${count.toLocaleString('en')}`],
        ['history-year', 'in', `${figure((performance.now() - begun) / 1000)} s`],
        ['history-year', 'on the disk for each reading, with all roll-ups', `${figure(sizeOf(folder) / count)} B`]
      ]
      for (const [name, length] of spans.filter(([, many]) => many <= days)) {
        // Not the newest, which may still be in memory.
        const until = length === days ? to : to - Math.floor((days - length) / 2) * day
        const from = Math.floor(until - length * day)
        lines.push(...(await inProcess(folder, name, from, until)))
        lines.push(...(await overHttp(folder, name, from, until, nodeOptions)))
      }
      return lines
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

async function inProcess(folder: string, name: string, from: number, to: number): Promise<Line[]> {
  forget(folder)
  const history = open(folder)
  await history.start()
  let what = ''
  try {
    return await timed(`${name}, plot()`, async () => {
      const plot = await history.plot({ device, codename, from, to }, points)
      what = plot.kind === 'readings' ? `${plot.points.length} readings` : `${plot.buckets.length} roll-ups of ${plot.step} s`
      return what
    })
  } finally {
    await history.stop()
  }
}

async function overHttp(folder: string, name: string, from: number, to: number, nodeOptions: readonly string[]): Promise<Line[]> {
  forget(folder)
  const side = await labgate(labs.remembered(folder), { nodeOptions })
  const path = `/api/devices/${device}/${codename}/history?from=${from}&to=${to}&points=${points}`
  try {
    // The web server has answered something before.
    await download(side.ports.web, '/api')
    return await timed(`${name}, HTTP`, async () => `${figure((await download(side.ports.web, path)) / 1024)} KiB`)
  } finally {
    await side.stop()
  }
}

async function timed(name: string, run: () => Promise<string>): Promise<Line[]> {
  const taken: number[] = []
  let what = ''
  for (let i = 0; i <= again; i++) {
    const begun = performance.now()
    what = await run()
    taken.push(performance.now() - begun)
  }
  const [first = NaN, ...rest] = taken
  return [
    ['history-year', `${name}: ${what}, first`, `${figure(first)} ms`, '', '', '', '', '', '', '', '200 ms'],
    ['history-year', `${name}: again`, `${figure(median(rest))} ms`]
  ]
}

function open(folder: string): History {
  const log: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => log }
  const nothing = (): void => {}
  const devices = new Devices({
    topics: new Topics('lab'),
    undeclared: 'accept',
    maxUndeclared: 10,
    described: nothing,
    forgotten: nothing,
    left: nothing
  })
  const config = { record: 'every', keep: 2 * 365 * day, keepRollups: 2 * 365 * day, maxBytes: 2 ** 34, maxMemory: 2 ** 25 } as const
  return new History({ clock: systemClock, log, devices, config, data: folder, changed: nothing })
}

/** The system keeps nothing of the files in its memory. */
function forget(folder: string): void {
  for (const file of filesOf(folder)) spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none'])
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function sizeOf(folder: string): number {
  return filesOf(folder).reduce((sum, file) => sum + statSync(file).size, 0)
}

async function download(port: number, path: string): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (answer) => {
      let bytes = 0
      answer.on('data', (chunk: Buffer) => (bytes += chunk.length))
      answer.once('end', () => (answer.statusCode === 200 ? resolve(bytes) : reject(new Error(`status ${answer.statusCode}`))))
    }).once('error', reject)
  })
}
