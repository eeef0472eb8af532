import type { Clock, Op } from '../adapter.js'
import type { Step } from '../stories.js'
import { Histogram } from './histogram.js'

/** Commands under way of which it is known when they began; beyond, the oldest is forgotten, and has no time. */
const maxOpen = 2000

const ops = ['set', 'get', 'call'] as const satisfies readonly Op[]

export interface CommandCount {
  readonly op: Op
  readonly result: 'done' | 'failed' | 'refused'
  /** Class of the error; empty when it was done. */
  readonly errorClass: string
  readonly count: number
}

/** How many commands ended how, and how long each took; what is secret has no steps, and is not counted. */
export class CommandMeter {
  readonly #clock: Clock
  readonly #begun = new Map<string, number>()
  readonly #counts = new Map<string, { -readonly [key in keyof CommandCount]: CommandCount[key] }>()
  readonly durations: ReadonlyMap<Op, Histogram> = new Map(ops.map((op) => [op, new Histogram()]))

  constructor(clock: Clock) {
    this.#clock = clock
  }

  step({ what, op, device, codename, client, id, error, repeated, earlier }: Step): void {
    // What an earlier run left, and who asks again for the same answer, is none of now.
    if (repeated === true || earlier === true) return
    if (what !== 'asked' && what !== 'done' && what !== 'failed' && what !== 'refused') return
    const key = `${op}\0${device}\0${codename}\0${client}\0${id}`
    if (what === 'asked') return this.#ask(key)
    const begun = this.#begun.get(key)
    this.#begun.delete(key)
    if (begun !== undefined) this.durations.get(op)?.observe(this.#clock.monotonic() - begun)
    this.#count(op, what, error?.class ?? '')
  }

  counts(): Iterable<CommandCount> {
    return this.#counts.values()
  }

  #ask(key: string): void {
    if (this.#begun.size >= maxOpen) this.#begun.delete(this.#begun.keys().next().value ?? '')
    this.#begun.set(key, this.#clock.monotonic())
  }

  #count(op: Op, result: CommandCount['result'], errorClass: string): void {
    const key = `${op} ${result} ${errorClass}`
    const known = this.#counts.get(key)
    if (known === undefined) this.#counts.set(key, { op, result, errorClass, count: 1 })
    else known.count += 1
  }
}
