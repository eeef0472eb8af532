/** The lines of readings.ndjson and commands.ndjson. */
import { toPlain } from '../../adapters/common/exact-json.js'
import type { Entry } from '../devices.js'
import type { Held } from '../latest.js'
import { json, readingPayload } from '../payload.js'
import type { Step } from '../stories.js'
import { formatTime, parseTime } from '../time.js'

/** `initial`: the last reading when the run began. `stale`: no new reading, but the one of before became stale at this moment. */
export type Mark = 'initial' | 'stale'

/** A reading as on MQTT, with whose it is, and when the gateway took it in. */
export interface ReadingLine {
  readonly at: string
  readonly device: string
  readonly codename: string
  readonly mark?: Mark
  readonly quality: string
  readonly time: string
  readonly value: unknown
  readonly unit?: string
  readonly x?: unknown
  readonly uncertainty?: number
  readonly source?: string
  readonly error?: { readonly class: string; readonly message: string }
}

/** So many lines of this file are not there, as they could not be written. */
export interface LostLine {
  readonly at: string
  readonly lost: number
  readonly from: string
  readonly reason: string
}

/** As {@link readingLine} writes them; `at`: Unix seconds. */
export function readingLine(entry: Entry, held: Held, at: number, mark: Mark | undefined): string {
  const begin = `{"at":"${formatTime(at)}","codename":${JSON.stringify(entry.codename)},"device":${JSON.stringify(entry.device)},`
  return `${mark === undefined ? begin : `${begin}"mark":"${mark}",`}${readingPayload(held).slice(1)}\n`
}

export function lostLine(lost: number, from: number, at: number, reason: string): string {
  return json({ at: formatTime(at), lost, from: formatTime(from), reason } satisfies LostLine) + '\n'
}

/** A step of a command. */
export interface CommandLine {
  readonly at: string
  readonly device: string
  readonly codename: string
  readonly id: string
  readonly op: string
  readonly client: string
  readonly what: Step['what']
  /** With `asked` and `done`: nothing was carried out, as only whether it would be accepted was asked. */
  readonly check?: true
  /** With `asked`: the same question came again, and gets the same answer. */
  readonly repeated?: true
  readonly instance?: string
  readonly value?: unknown
  readonly error?: { readonly class: string; readonly message: string; readonly code?: string; readonly maybeExecuted?: boolean }
}

/** A command that was asked for, and not a mere check, nor the same message once more. */
export function isCommand({ what, check, repeated }: Pick<Step, 'what' | 'check' | 'repeated'>): boolean {
  return what === 'asked' && check !== true && repeated !== true
}

export function commandLine({ at, device, codename, id, op, client, what, check, repeated, instance, value, error }: Step): string {
  const line: CommandLine = {
    at: formatTime(at),
    device,
    codename,
    id,
    op,
    client,
    what,
    ...(check === true ? { check } : {}),
    ...(repeated === true ? { repeated } : {}),
    ...(instance === undefined ? {} : { instance }),
    ...(value === undefined ? {} : { value: toPlain(value) }),
    ...(error === undefined
      ? {}
      : {
          error: {
            class: error.class,
            message: error.message,
            ...(error.code === undefined ? {} : { code: error.code }),
            ...(error.maybeExecuted ? { maybeExecuted: true } : {})
          }
        })
  }
  return json(line) + '\n'
}

/** The second that was read last: most lines are of the same one. */
let lastWhole = ''
let lastSeconds = NaN

/** Unix seconds of a time as the gateway writes it; NaN: it is none. */
export function secondsOf(time: string): number {
  const whole = time.slice(0, 19)
  if (whole !== lastWhole) {
    lastSeconds = parseTime(`${whole}Z`) ?? NaN
    lastWhole = whole
  }
  return time.length > 20 ? lastSeconds + Number(`0${time.slice(19, -1)}`) : lastSeconds
}
