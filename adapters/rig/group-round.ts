/** One message that goes round the rigs of a group (section 4.2). */
import type { Clock } from '../../gateway/adapter.js'
import { asGatewayError } from '../../gateway/errors.js'
import type { GroupCall, GroupMode } from './group-call.js'
import type { Outcome } from './group-outcome.js'
import type { Halt } from './group-line.js'
import type { GroupRig } from './group-rig.js'
import type { Asked } from './rig.js'

/**
 * Seconds after which what stops things goes on to the next rig, although this one has not echoed: its message may have to wait for an
 * answer that is still to come, and a rig that holds up others must not keep them running.
 */
const onward = 1

export interface RoundOptions {
  /** In the order in which they are asked. */
  readonly rigs: readonly GroupRig[]
  readonly call: GroupCall
  readonly mode: GroupMode
  /** Seconds that a rig has for its answer where the call says nothing. */
  readonly answerWithin: (rig: string) => number
  readonly clock: Clock
  /** Who is waited for has changed. */
  readonly onWaiting: () => void
}

/** At one rig. */
interface Under {
  readonly asked: Asked
  readonly controller: AbortController
  /** Why it was taken back before it was sent. */
  takenBack: string | undefined
}

interface Steps {
  /** These two never reject. */
  readonly echoed: Promise<void>
  readonly settled: Promise<void>
  isEchoed: boolean
}

export class Round {
  readonly #options: RoundOptions
  readonly #outcomes = new Map<string, Outcome>()
  /** Rigs that were asked and have not settled. */
  readonly #under = new Map<string, Under>()
  #halted: string | undefined
  #failed: string | undefined

  constructor(options: RoundOptions) {
    this.#options = options
  }

  get outcomes(): ReadonlyMap<string, Outcome> {
    return this.#outcomes
  }

  /** Rigs whose echo or answer is waited for. */
  get waiting(): readonly string[] {
    return [...this.#under.keys()]
  }

  /** Resolves when every rig has an outcome. Never rejects: each wait is the rig's, and has its limit there. */
  async run(): Promise<void> {
    const { rigs } = this.#options
    const under: Promise<void>[] = []
    for (const rig of rigs) {
      const reason = this.#reason
      if (reason === undefined) {
        const steps = this.#ask(rig)
        under.push(steps.settled)
        await this.#turnOver(steps)
      } else this.#settle(rig.name, { kind: 'skipped', reason })
    }
    await Promise.all(under)
  }

  /** Asks no further rigs, and takes back what has not been sent. What is under way settles: to ask again before would deafen the rig. */
  halt({ text, rig }: Pick<Halt, 'text' | 'rig'>): void {
    if (this.#halted !== undefined) return
    this.#halted = text
    this.#takeBack(text, rig)
  }

  /** Why the next rig is not asked. */
  get #reason(): string | undefined {
    if (this.#halted !== undefined) return this.#halted
    return this.#options.call.isEnding || this.#failed === undefined ? undefined : `${this.#failed} failed first`
  }

  /** Until it is the next rig's turn. */
  async #turnOver(steps: Steps): Promise<void> {
    const { mode, call } = this.#options
    const done = mode === 'sequential' ? steps.settled : steps.echoed
    if (!call.isEnding) return await done
    // An interrupt is in a hurry; others want the answer first, once the rig has heard them.
    const isPatient = mode === 'sequential' && call.name !== 'interrupt'
    await this.#atMost(onward, isPatient ? steps.echoed : done)
    if (isPatient && steps.isEchoed) await done
  }

  async #atMost(seconds: number, done: Promise<void>): Promise<void> {
    let over: () => void = () => undefined
    const timer = this.#options.clock.after(seconds, () => over())
    await Promise.race([done, new Promise<void>((resolve) => (over = resolve))])
    timer.cancel()
  }

  #ask(rig: GroupRig): Steps {
    const { call, onWaiting } = this.#options
    const { event, elements, answer, priority, expires } = call
    const controller = new AbortController()
    const asked = rig.ask({
      event,
      elements,
      answer,
      answerWithin: call.answerWithin ?? this.#options.answerWithin(rig.name),
      signal: controller.signal,
      ...(priority === undefined ? {} : { priority }),
      ...(expires === undefined ? {} : { expires })
    })
    this.#under.set(rig.name, { asked, controller, takenBack: undefined })
    onWaiting()
    const steps: Steps = {
      isEchoed: false,
      echoed: asked.echoed.then(
        () => void (steps.isEchoed = true),
        () => undefined
      ),
      settled: (answer ? asked.answered : asked.echoed).then(
        (done) => this.#settle(rig.name, { kind: 'done', elements: null, ...done }),
        (thrown: unknown) => this.#fail(rig.name, thrown)
      )
    }
    return steps
  }

  #fail(rig: string, thrown: unknown): void {
    const reason = this.#under.get(rig)?.takenBack
    if (reason !== undefined) return this.#settle(rig, { kind: 'skipped', reason })
    this.#settle(rig, { kind: 'failed', error: asGatewayError(thrown) })
    this.#failed ??= rig
    // A failure of one keeps the others from what has not begun.
    if (this.#reason !== undefined) this.#takeBack(this.#reason)
  }

  #settle(rig: string, outcome: Outcome): void {
    this.#outcomes.set(rig, outcome)
    if (this.#under.delete(rig)) this.#options.onWaiting()
  }

  /** What waits for its turn at its rig is never sent then. `except`: that rig drops it itself, and says why. */
  #takeBack(reason: string, except?: string): void {
    for (const [rig, under] of this.#under) {
      if (under.asked.isSent || rig === except) continue
      under.takenBack = reason
      under.controller.abort()
    }
  }
}
