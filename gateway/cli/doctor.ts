/** `labgate doctor`: what could keep the gateway from doing its work, and what to do about it. */
import configSchema from '../../schemas/config.schema.json' with { type: 'json' }
import { systemClock } from '../clock.js'
import type { Checked } from '../config.js'
import { fail, ok, warn, within } from './doctor/check.js'
import type { Check, Patient, Running, Verdict } from './doctor/check.js'
import { diskChecks } from './doctor/disk.js'
import { fileChecks } from './doctor/files.js'
import { machineChecks } from './doctor/machine.js'
import { peerChecks } from './doctor/peers.js'
import { portChecks } from './doctor/ports.js'
import { papersOf } from './paper.js'
import type { Tone } from './paper.js'
import { printableJson } from './printable.js'
import { Rest } from './rest.js'
import type { Surroundings } from './surroundings.js'
import { table } from './table.js'
import { Refused, Unanswered } from './trouble.js'
import type { Place } from './where.js'

/** Seconds for all checks of a kind: each of them has limits of its own, which are shorter. */
const groupWithin = 15

/** Seconds for an answer of the gateway. */
const askWithin = 5

const kinds: readonly [name: string, run: (patient: Patient) => Promise<Check[]>][] = [
  ['machine', machineChecks],
  ['disk', diskChecks],
  ['files', fileChecks],
  ['ports', portChecks],
  ['peers', peerChecks]
]

const usualName = configSchema.properties.gateway.properties.name.default

const tones: Readonly<Record<Verdict, Tone>> = { OK: 'good', WARN: 'warn', FAIL: 'bad' }

export interface DoctorOptions {
  readonly json?: boolean
  readonly config?: string
  /** Variables of the configuration that are not set here. */
  readonly unset?: readonly string[]
}

/** `checked`: undefined where there is none, or it is not good. `place`: undefined: nobody can tell where a gateway would be. Ends with 1 when something fails. */
export async function doctor(
  around: Surroundings,
  checked: Checked | undefined,
  place: Place | undefined,
  { json = false, config, unset = [] }: DoctorOptions
): Promise<void> {
  const { running, check } = await runningGateway(place)
  const patient: Patient = { around, checked, running }
  const found = await Promise.all(kinds.map(async ([name, run]) => await guarded(name, run(patient))))
  const checks = [configuration(checked, config, unset), ...name(checked), check, ...found.flat()]
  const { out } = papersOf(around)
  const count = (verdict: Verdict): number => checks.filter((one) => one.verdict === verdict).length
  if (json) await out.write(`${printableJson(JSON.stringify({ ok: count('FAIL') === 0, checks }))}\n`)
  else {
    const rows = checks.map(({ name, verdict, found: what, next }) => [
      { text: verdict, tone: tones[verdict] },
      { text: name },
      { text: next === '' ? what : `${what}. Next: ${next}` }
    ])
    await out.write(table(out, ['', 'what', 'found, and what to do'], rows))
    await out.write(`\n${count('OK')} OK, ${count('WARN')} WARN, ${count('FAIL')} FAIL\n`)
  }
  around.end(count('FAIL') > 0 ? 1 : 0, '')
}

/** What a check throws, or does not get done, is a check that fails. */
async function guarded(name: string, work: Promise<Check[]>): Promise<Check[]> {
  try {
    return (
      (await within(groupWithin, work)) ?? [
        fail(
          name,
          `could not be looked at within ${groupWithin} s`,
          'the computer has too much to do, or a disk or network hangs; try again'
        )
      ]
    )
  } catch (error) {
    return [fail(name, `could not be looked at: ${(error as Error).message}`, 'try again as the user of the gateway')]
  }
}

function configuration(checked: Checked | undefined, file: string | undefined, unset: readonly string[]): Check {
  const name = 'configuration'
  if (file === undefined)
    return warn(
      name,
      'none was given: ports, disk, permissions, certificates and peers were not looked at',
      'labgate doctor --config gateway.yaml'
    )
  if (checked === undefined)
    return fail(
      name,
      `${file} cannot be used, see above: ports, disk, permissions, certificates and peers were not looked at`,
      `mend it, then: labgate check ${file}`
    )
  const { warnings, config } = checked
  const found = `${file}: ${config.adapters.length} instances`
  if (unset.length > 0)
    return warn(
      name,
      `${found}; not set for this user: ${unset.join(', ')}`,
      'give them in the environment, or with --environment FILE, if the service gets them from one; without them the gateway does not start'
    )
  return warnings.length === 0 ? ok(name, found) : warn(name, `${found}, ${warnings.length} warnings`, `labgate check ${file}`)
}

/** Where the name tells gateways apart, all of them have the same one unless it is given. */
function name(checked: Checked | undefined): Check[] {
  if (checked === undefined) return []
  const { gateway, upstream, homeAssistant } = checked.config
  const isSeen = upstream.some(({ clientId }) => clientId === undefined) || homeAssistant?.discovery === true
  if (gateway.name !== usualName || !isSeen) return []
  const found = `${usualName}, as of every gateway that was given none: two of them at one broker throw each other out, or are one for Home Assistant`
  return [warn('gateway.name', found, 'give it a name of its own: gateway: { name: … }')]
}

async function runningGateway(place: Place | undefined): Promise<{ readonly running: Running | undefined; readonly check: Check }> {
  const name = 'gateway'
  if (place === undefined)
    return {
      running: undefined,
      check: warn(name, 'there is no address at which it could be asked', 'write http: {} into the configuration, or give --url')
    }
  const rest = new Rest(place)
  try {
    const { text } = await rest.answer('GET', '/api/health', undefined, { within: askWithin })
    const health = JSON.parse(text) as { status?: string; checks?: Running['troubles'] }
    if (health.status === undefined) throw new SyntaxError('no status')
    const began = systemClock.now()
    const info = await rest.get<{ name: string; time: string }>('/api', { within: askWithin }).catch(nothing)
    const offset = info === undefined ? undefined : Date.parse(info.time) / 1000 - (began + systemClock.now()) / 2
    const all = await rest.get<{ instances: { id: string; state: string }[] }>('/api/instances', { within: askWithin }).catch(nothing)
    const instances = all === undefined ? undefined : new Map(all.instances.map(({ id, state }) => [id, state]))
    const troubles = (health.checks ?? []).filter(({ status }) => status !== 'ok')
    const running = { url: place.url, name: info?.name, offset, status: health.status, troubles, instances }
    const found = `${info?.name ?? 'a gateway'} runs at ${place.url} and is ${health.status}${troubles.length === 0 ? '' : `: ${troubles.map((one) => `${one.name}: ${one.reason}`).join('; ')}`}`
    const next = health.checks === undefined ? 'give --user NAME to be told why' : 'see labgate status'
    return {
      running,
      check: health.status === 'ok' ? ok(name, found) : health.status === 'degraded' ? warn(name, found, next) : fail(name, found, next)
    }
  } catch (error) {
    const told =
      error instanceof Unanswered || error instanceof Refused ? error.message : `something else than a gateway answers at ${place.url}`
    return { running: undefined, check: warn(name, told.split('\n')[0] ?? '', 'start it, unless it should not run now') }
  }
}

function nothing(): undefined {
  return undefined
}
