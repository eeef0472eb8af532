import { GatewayError } from '../../../gateway/errors.js'
import type { Random } from '../random.js'
import type { SettingsOf } from '../settings.js'
import { instant, readOnly, round } from './model.js'
import type { Model, Readings, Task } from './model.js'

/** Seconds in which the pan has gone 63 % of the way to a new load. */
const settling = 0.5
/** Distance from the load in g below which the pan counts as still. */
const still = 0.005
/** Seconds after which a tare gives up. */
const patience = 10

/** A pan that follows its load, a zero that drifts, and somebody who changes the load now and then. */
export function balance({ capacity, noise, drift, loadEvery }: SettingsOf<'balance'>): Model {
  let load = 0
  let pan = 0
  let zero = 0
  let tared = 0
  /** A running tare and the seconds for which it goes on waiting. */
  let tare: { task: Task; patience: number } | undefined

  const isStable = (): boolean => Math.abs(load - pan) < still
  /** Seconds until the pan is still, if nobody touches it. */
  const untilStable = (): number => (isStable() ? 0 : settling * Math.log(Math.abs(load - pan) / still) + 0.01)

  const advance = (seconds: number, random: Random): void => {
    const isChanged = random.uniform() < (loadEvery === 0 ? 0 : 1 - Math.exp(-seconds / loadEvery))
    const next = random.uniform() < 0.25 ? 0 : round(random.uniform() * capacity, 3)
    pan = load + (pan - load) * Math.exp(-seconds / settling)
    zero += drift * Math.sqrt(seconds / 3600) * random.normal()
    // A new load arrives at the end of the step: the pan moves from the next one on.
    if (isChanged) load = next
  }

  const finishTare = (seconds: number): void => {
    if (tare === undefined) return
    tare.patience -= seconds
    tare.task.remaining = Math.min(untilStable(), tare.patience)
    if (isStable()) {
      tare.task.outcome = { value: round(pan + zero - tared, 3) }
      tared = pan + zero
    } else if (tare.patience <= instant) {
      tare.task.outcome = { error: new GatewayError('DeviceError', 'tare gave up: the pan does not come to rest', { code: 'unstable' }) }
    } else return
    tare = undefined
  }

  return {
    codenames: {
      mass: { description: 'Mass on the pan less the tare', unit: 'g', digits: 3, schema: { type: 'number' } },
      stable: { description: 'Whether the pan is at rest', schema: { type: 'boolean' } },
      tare: {
        description: 'Waits until the pan is at rest and makes that the new zero; returns the mass in g that it took off',
        callable: { returns: { type: 'number' }, timeout: patience + 5 }
      }
    },
    step(seconds: number, random: Random): Readings {
      if (seconds > 0) advance(seconds, random)
      finishTare(seconds)
      return { mass: round(pan + zero - tared + noise * random.normal(), 3), stable: isStable() }
    },
    set(codename: string): void {
      throw readOnly(codename)
    },
    call(codename: string): Task {
      if (codename !== 'tare') throw readOnly(codename)
      tare ??= { task: { remaining: untilStable() }, patience }
      return tare.task
    },
    cancel(task: Task): void {
      if (tare?.task === task) tare = undefined
    }
  }
}
