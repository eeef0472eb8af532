/** The series of the codenames: as many as there are, so they are written as text, a slice at a time. */
import type { Exact } from '../adapter.js'
import type { Entry } from '../devices.js'
import type { Parts } from '../http/parts.js'
import type { Sight } from '../http/sight.js'
import type { Held } from '../latest.js'
import { Pace } from '../history/turn.js'

/** Characters of a piece. */
const piece = 65_536

/** Codenames between two looks at the time. */
const slice = 100

/** Characters of a unit: it may come with each reading, and has no other bound. */
const longUnit = 64

const qualities = ['good', 'uncertain', 'stale', 'bad'] as const

type Seen = Pick<Parts, 'devices' | 'latest' | 'states'>

/** Lines of the text format, each with its end. What is stale or bad has no value: a number that is no longer true would look like one that is. */
export async function* codenameSeries(parts: Seen, sight: Sight): AsyncGenerator<string> {
  const { devices, latest, states } = parts
  const pace = new Pace()
  const names = [...devices.names()]
  yield (
    head('labgate_device_up', 'gauge', '1: the device can be reached, perhaps in part; 0: it cannot.') +
    names
      .filter((name) => sight.state(name))
      .map((name) => `labgate_device_up{device="${escape(name)}"} ${states.isOffline(name) ? 0 : 1}\n`)
      .join('')
  )
  if (pace.isDue) await pace.turn()
  yield* each('labgate_value', 'The last reading where it is a number or a boolean, and good or uncertain.', (entry, held) => {
    const value = latest.isOld(entry, held) || held.quality === 'stale' || held.quality === 'bad' ? undefined : numberOf(held.value)
    return value === undefined ? '' : `labgate_value{${labelsOf(entry)},unit="${escape((held.unit ?? '').slice(0, longUnit))}"} ${value}\n`
  })
  yield* each(
    'labgate_age_seconds',
    'Age of the last reading.',
    (entry, held) => `labgate_age_seconds{${labelsOf(entry)}} ${latest.age(held)}\n`
  )
  yield* each('labgate_quality', 'Quality of the last reading: 1 for the present one.', (entry, held) => {
    const now = held.quality !== 'bad' && latest.isOld(entry, held) ? 'stale' : held.quality
    const labels = labelsOf(entry)
    return qualities.map((quality) => `labgate_quality{${labels},quality="${quality}"} ${quality === now ? 1 : 0}\n`).join('')
  })

  async function* each(name: string, help: string, lines: (entry: Entry, held: Held) => string): AsyncGenerator<string> {
    let text = head(name, 'gauge', help)
    let count = 0
    for (const device of names)
      for (const entry of devices.codenames(device)) {
        if ((count += 1) % slice === 0 && pace.isDue) await pace.turn()
        const held = latest.held(entry)
        if (held === undefined || !sight.codename(entry)) continue
        text += lines(entry, held)
        if (text.length < piece) continue
        yield text
        text = ''
      }
    yield text
  }
}

export function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
}

/** Labels may hold anything but these as they are. */
export function escape(text: string): string {
  return /[\\"\n]/.test(text) ? text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : text
}

function labelsOf({ device, codename }: Entry): string {
  return `device="${escape(device)}",codename="${escape(codename)}"`
}

/** As text; undefined: it is none. */
function numberOf(value: Exact): string | undefined {
  if (typeof value === 'boolean') return value ? '1' : '0'
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value)) ? String(value) : undefined
}
