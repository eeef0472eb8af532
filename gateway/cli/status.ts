/** `labgate status`: how the gateway, its devices and its instances go. */
import { papersOf } from './paper.js'
import type { Tone } from './paper.js'
import { printable, printableJson } from './printable.js'
import { ageText } from './reading-text.js'
import type { Rest } from './rest.js'
import type { Surroundings } from './surroundings.js'
import { table } from './table.js'
import type { Cell } from './table.js'
import { Refused, Trouble } from './trouble.js'

interface Info {
  readonly name: string
  readonly version: string
  readonly time: string
  readonly since: string
}

type Worth = 'ok' | 'degraded' | 'failing'

interface Health {
  readonly status: Worth
  readonly checks?: readonly { readonly name: string; readonly status: Worth; readonly reason: string; readonly since?: string }[]
}

interface State {
  readonly state: string
  readonly since: string
  readonly reason: string
  readonly via?: string
}

interface Device {
  readonly device: string
  readonly state: State | null
  readonly codenames: readonly unknown[]
}

interface Instance extends State {
  readonly id: string
  readonly type: string
  readonly retryIn: number | null
}

const tones: Readonly<Record<string, Tone>> = {
  ok: 'good',
  online: 'good',
  degraded: 'warn',
  disabled: 'dim',
  failing: 'bad',
  offline: 'bad'
}
const failed: ReadonlySet<string> = new Set(['failing', 'offline'])

/** Ends with 1 when something is failing or offline. */
export async function status(around: Surroundings, rest: Rest, { json = false }: { readonly json?: boolean }): Promise<void> {
  const [info, health, devices, instances] = await Promise.all([
    rest.get<Info>('/api'),
    healthOf(rest),
    rest.get<{ devices: Device[] }>('/api/devices', { within: 60 }).then((found) => found.devices),
    rest.get<{ instances: Instance[] }>('/api/instances').then((found) => found.instances, ifHidden)
  ])
  const isFailing = [health.status, ...devices.map(({ state }) => state?.state), ...(instances ?? []).map(({ state }) => state)].some((state) => failed.has(state ?? '')) // prettier-ignore
  const { out, side } = papersOf(around)
  if (json) {
    const seen = devices.map(({ device, state, codenames }) => ({ device, ...(state ?? { state: null }), codenames: codenames.length }))
    const told = { ok: !isFailing, url: rest.place.url, gateway: info, health, devices: seen, instances: instances ?? null }
    await out.write(`${printableJson(JSON.stringify(told))}\n`)
  } else {
    const up = (Date.parse(info.time) - Date.parse(info.since)) / 1000
    const tone = tones[health.status]
    await out.write(
      `${out.paint('head', printable(info.name))} (labgate ${printable(info.version)}) at ${printable(rest.place.url)}: ${out.paint(tone, health.status)}, up for ${ageText(up)}\n`
    )
    const worries = (health.checks ?? []).filter((check) => check.status !== 'ok' && !check.name.startsWith('instance '))
    for (const { name, status: how, reason } of worries) await out.write(`  ${out.paint(tones[how], printable(`${name}: ${reason}`))}\n`)
    const cells = ({ state, since, reason }: State): Cell[] => [
      { text: state, tone: tones[state] },
      { text: ageText((Date.parse(info.time) - Date.parse(since)) / 1000) },
      { text: reason }
    ]
    const hidden: Cell[] = [{ text: '?' }, { text: '' }, { text: 'this user may not see it' }]
    if (devices.length === 0) await out.write('\nno devices\n')
    else await out.write(`\n${table(out, ['device', 'state', 'for', 'reason'], devices.map(({ device, state }) => [{ text: device }, ...(state === null ? hidden : cells(state))]))}`) // prettier-ignore
    if (instances === undefined) await side.write('\nThe instances of adapters are left out: this user may not see them.\n')
    else if (instances.length > 0) await out.write(`\n${table(out, ['instance', 'type', 'state', 'for', 'reason'], instances.map((one) => [{ text: one.id }, { text: one.type }, ...cells(one)]))}`) // prettier-ignore
  }
  around.end(isFailing ? 1 : 0, '')
}

/** Also when it says that it fails. */
async function healthOf(rest: Rest): Promise<Health> {
  const { status: code, text } = await rest.answer('GET', '/api/health')
  try {
    const health = JSON.parse(text) as Health
    if (typeof health.status === 'string') return health
  } catch {
    // Told below.
  }
  throw new Trouble(
    1,
    `${rest.place.url} answered ${code} to the question how it is, which is no answer of a gateway: something else is there, or a proxy before it`
  )
}

function ifHidden(error: unknown): undefined {
  if (error instanceof Refused && error.status === 403) return undefined
  throw error
}
