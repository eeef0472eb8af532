/** `labgate watch`: readings as they come, until Ctrl-C. */
import { systemClock } from '../clock.js'
import { self } from '../devices.js'
import { eventsOf } from './event-stream.js'
import type { Ref } from '../adapter.js'
import { filterOf, isExact } from './names.js'
import type { Fits } from './names.js'
import { papersOf } from './paper.js'
import { pause } from './pause.js'
import { cut, printable } from './printable.js'
import { ageText, plainText, toneOf } from './reading-text.js'
import type { CodenameView } from './reading-text.js'
import type { Rest } from './rest.js'
import type { Surroundings } from './surroundings.js'
import { table } from './table.js'
import { Refused } from './trouble.js'
import { LineScreen, LiveScreen } from './watch-screen.js'
import type { Screen } from './watch-screen.js'
import type { DeviceHeard, Heard } from './watch-table.js'

export interface WatchOptions {
  readonly json?: boolean
  readonly lines?: boolean
  readonly once?: boolean
}

const allButSelf: Fits = Object.assign(({ device }: Ref) => device !== self, { devices: () => true })

/** Columns of a value in a table; all of it is in the JSON. */
const mostValue = 40

/** Seconds without a sign of life after which the connection counts as gone; the gateway gives one in 15. */
const silent = 20

/** Seconds between two tries, growing. */
const waits = [0.5, 1, 2, 5]

export async function watch(around: Surroundings, rest: Rest, filters: readonly string[], options: WatchOptions): Promise<void> {
  // What the gateway tells of itself would fill the screen: who wants it asks for it.
  const fits = filters.length === 0 ? allButSelf : filterOf(filters)
  if (options.once === true) return await look(around, rest, fits, options)
  const papers = papersOf(around)
  const isLive = papers.out.isTerminal && options.json !== true && options.lines !== true && around.env['TERM'] !== 'dumb'
  const screen: Screen = isLive ? new LiveScreen(papers, () => around.output.rows ?? 24) : new LineScreen(papers, options.json === true)
  const stopped = around.interrupted()
  const gone = new AbortController()
  const end = AbortSignal.any([stopped, gone.signal])
  around.output.once('error', () => gone.abort())
  const only = onlyOf(filters)
  let [tries, wasConnected] = [0, false]
  try {
    while (!end.aborted) {
      let why: string
      try {
        const began = systemClock.now()
        const { time } = await rest.get<{ time: string }>('/api', { signal: end })
        const offset = Date.parse(time) / 1000 - (began + systemClock.now()) / 2
        const response = await rest.open(`/api/readings${only}`, { accept: 'text/event-stream', signal: end })
        response.setTimeout(silent * 1000, () => response.destroy(new Error(`nothing came for ${silent} s`)))
        await screen.connected(offset)
        ;[tries, wasConnected] = [0, true]
        for await (const event of eventsOf(response)) if (event !== undefined) await show(screen, event, fits)
        why = 'the gateway ended the stream'
      } catch (error) {
        if (end.aborted) break
        // Nobody waits for what is refused, nor for a gateway that was not there from the beginning.
        if (!wasConnected || (error instanceof Refused && [401, 403, 404].includes(error.status))) throw error
        why = (error as Error).message
      }
      if (end.aborted) break
      await screen.lost(why)
      const wait = waits[Math.min(tries, waits.length - 1)] as number
      tries += 1
      await pause(wait, end)
    }
  } finally {
    await screen.end()
  }
  around.end(0, '')
}

async function show(screen: Screen, { event, data }: { readonly event: string; readonly data: string }, fits: Fits): Promise<void> {
  if (event === 'reading') {
    const reading = JSON.parse(data) as Heard
    if (fits(reading)) await screen.reading(data, reading)
  } else if (event === 'state') {
    const state = JSON.parse(data) as DeviceHeard
    if (fits.devices(state.device)) await screen.state(data, state)
  }
}

/** Of one filter that names something, the gateway sends that alone. */
function onlyOf(filters: readonly string[]): string {
  const [only] = filters
  if (only === undefined || filters.length > 1) return ''
  const at = only.indexOf('/')
  const [device, codename] = at < 0 ? [only, undefined] : [only.slice(0, at), only.slice(at + 1)]
  if (!isExact(device)) return ''
  const query = new URLSearchParams({ device, ...(codename === undefined || !isExact(codename) ? {} : { codename }) })
  return `?${query.toString()}`
}

/** What there is now, and no more. */
async function look(around: Surroundings, rest: Rest, fits: Fits, { json = false }: WatchOptions): Promise<void> {
  const { out, side } = papersOf(around)
  const { devices } = await rest.get<{ devices: { codenames: CodenameView[] }[] }>('/api/devices', { within: 60 })
  const views = devices.flatMap(({ codenames }) => codenames).filter(fits)
  if (json) for (const view of views) await out.data(`${JSON.stringify(view)}\n`, 'json')
  else if (views.length > 0) await out.write(table(out, ['', 'value', 'unit', 'quality', 'age'], views.map(cells), new Set([1, 4])))
  if (views.length === 0) await side.write('no codename fits\n')
  around.end(0, '')
}

function cells({ device, codename, reading, age, old, meta }: CodenameView): { text: string; tone?: ReturnType<typeof tone> }[] {
  const quality =
    reading === null
      ? 'none'
      : reading.quality === 'good' && old
        ? 'STALE'
        : reading.quality === 'good'
          ? ''
          : reading.quality.toUpperCase()
  const how = tone(reading, old)
  return [
    { text: `${device}/${codename}` },
    { text: reading === null || reading.value === null ? '' : cut(printable(plainText(reading.value)), mostValue), tone: how },
    { text: reading?.unit ?? meta.unit ?? '' },
    { text: quality, tone: how },
    { text: age === null ? '' : ageText(age) }
  ]
}

function tone(reading: CodenameView['reading'], old: boolean): (typeof toneOf)[keyof typeof toneOf] {
  if (reading === null) return 'dim'
  return reading.quality === 'good' && old ? 'bad' : toneOf[reading.quality]
}
