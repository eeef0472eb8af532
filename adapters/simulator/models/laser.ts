import type { Exact } from '../../../gateway/adapter.js'
import { GatewayError } from '../../../gateway/errors.js'
import type { Random } from '../random.js'
import type { SettingsOf } from '../settings.js'
import { argument, busy, instant, readOnly, round } from './model.js'
import type { Model, Readings, Task } from './model.js'

/** Longest shot in seconds. */
const longest = 10

interface Shot {
  readonly task: Task
  /** Seconds. */
  readonly duration: number
  /** What came out so far, in J. */
  energy: number
}

/**
 * A laser behind a door. The interlock opens with the door, at once: emission ends and the power goes to 0.
 * It closes some seconds after the door; while it is open the laser refuses as Locked, with the code `interlock`.
 */
export function laser({ maximum, rearm, noise }: SettingsOf<'laser'>): Model {
  let isDoorOpen = false
  /** Seconds until the interlock closes. */
  let arming = 0
  let power = 0
  let shot: Shot | undefined
  let shots = 0n

  const isLocked = (): boolean => isDoorOpen || arming > 0

  const locked = (what: string, maybeExecuted = false): GatewayError => {
    const next = isDoorOpen ? 'close the door' : 'wait for it to close'
    return new GatewayError('Locked', `${what}: the interlock is open; ${next}`, { code: 'interlock', maybeExecuted })
  }

  const openDoor = (): void => {
    isDoorOpen = true
    arming = rearm
    power = 0
    if (shot === undefined) return
    const fired = shot.duration - shot.task.remaining
    shot.task.outcome = { error: locked(`emission stopped after ${fired.toFixed(1)} s of ${shot.duration} s`, true) }
    shot = undefined
  }

  const advance = (seconds: number): void => {
    if (!isDoorOpen) arming = arming - seconds > instant ? arming - seconds : 0
    if (shot === undefined) return
    shot.energy += power * Math.min(seconds, shot.task.remaining)
    shot.task.remaining -= seconds
    if (shot.task.remaining > instant) return
    shots += 1n
    shot.task.outcome = { value: `fired ${shot.duration} s: ${shot.energy.toFixed(1)} J` }
    shot = undefined
  }

  const side = { type: 'string', enum: ['open', 'closed'] }
  const duration = { type: 'number', exclusiveMinimum: 0, maximum: longest, description: 'seconds' }
  const call = { type: 'object', properties: { duration }, required: ['duration'], additionalProperties: false }
  return {
    codenames: {
      power: {
        description: 'Power of the next shot; 0 after the interlock has opened',
        unit: 'W',
        settable: true,
        schema: { type: 'number', minimum: 0, maximum }
      },
      output: { description: 'Power that comes out', unit: 'W', digits: 1, schema: { type: 'number', minimum: 0 } },
      emission: { description: 'Whether the laser emits', schema: { type: 'boolean' } },
      interlock: { description: 'The laser refuses while it is open', schema: side },
      door: { description: 'Door of the laser room', settable: true, schema: side },
      shots: { description: 'Shots that were completed', schema: { type: 'integer', minimum: 0 } },
      fire: {
        description: 'Emits for a duration; returns what was fired',
        callable: { arguments: call, returns: { type: 'string' }, timeout: longest + 5 }
      }
    },
    step(seconds: number, random: Random): Readings {
      advance(seconds)
      const emission = shot !== undefined
      const output = emission ? round(Math.max(0, power * (1 + noise * random.normal())), 1) : 0
      const interlock = isLocked() ? 'open' : 'closed'
      return { power, output, emission, interlock, door: isDoorOpen ? 'open' : 'closed', shots }
    },
    set(codename: string, value: Exact): void {
      if (codename === 'door') {
        if (value === 'open') openDoor()
        else isDoorOpen = false
      } else if (codename === 'power') {
        if (isLocked()) throw locked('power refused')
        power = Number(value)
      } else throw readOnly(codename)
    },
    call(codename: string, args: Exact): Task {
      if (codename !== 'fire') throw readOnly(codename)
      if (isLocked()) throw locked('fire refused')
      if (shot !== undefined) throw busy('the laser fires already')
      if (power === 0) throw new GatewayError('DeviceError', 'fire refused: the power is 0 W; set it first', { code: 'no-power' })
      const seconds = argument(args, 'duration', 0)
      const task: Task = { remaining: seconds }
      shot = { task, duration: seconds, energy: 0 }
      return task
    },
    cancel(task: Task): void {
      if (shot?.task === task) shot = undefined
    }
  }
}
