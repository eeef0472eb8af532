/** The experiment PCs that are known: a bounded number over each transport, of which the least certain makes room. */
import type { Clock, Watch } from '../../gateway/adapter.js'
import type { Controller, Transport } from './controller.js'
import { Trouble } from './trouble.js'

export interface ControllersOptions {
  readonly clock: Clock
  /** Over each transport. */
  readonly max: number
  /** UDP tells of nobody that it has gone: after so many seconds of silence a controller is forgotten. */
  readonly idleAfter: () => number
  /** One more or one less is known. */
  readonly onChange: () => void
  /** One makes room for another. */
  readonly onEvicted: (controller: Controller) => void
}

/** Seconds from one look at who is silent to the next. */
const lookEvery = 60

export class Controllers {
  readonly #options: ControllersOptions
  /** The one that was heard last at the end. */
  readonly #known: Readonly<Record<Transport, Map<string, Controller>>> = { udp: new Map(), tcp: new Map() }
  #look: Watch | undefined

  constructor(options: ControllersOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#known.udp.size + this.#known.tcp.size
  }

  *[Symbol.iterator](): IterableIterator<Controller> {
    yield* this.#known.udp.values()
    yield* this.#known.tcp.values()
  }

  find(transport: Transport, name: string): Controller | undefined {
    return this.#known[transport].get(name)
  }

  /** It was heard. */
  touch(controller: Controller): void {
    const known = this.#known[controller.transport]
    if (known.get(controller.name) !== controller) return
    known.delete(controller.name)
    known.set(controller.name, controller)
  }

  /** Is there a place for one more, perhaps in place of another? */
  makeRoom(transport: Transport): boolean {
    const known = this.#known[transport]
    if (known.size < this.#options.max) return true
    const least = leastCertain(known.values())
    if (least === undefined) return false
    this.#options.onEvicted(least)
    this.remove(least, new Trouble('closed', 'another controller has taken its place (maxControllers)', true))
    return true
  }

  add(controller: Controller): void {
    this.#known[controller.transport].set(controller.name, controller)
    this.#options.onChange()
    this.#arm()
  }

  /** What it waits for is carried out all the same, but it is told nothing any more. */
  remove(controller: Controller, trouble: Trouble): void {
    const known = this.#known[controller.transport]
    if (known.get(controller.name) !== controller) return
    known.delete(controller.name)
    controller.peer.close(trouble)
    controller.hangUp()
    this.#options.onChange()
    if (this.size === 0) this.#disarm()
  }

  clear(trouble: Trouble): void {
    this.#disarm()
    for (const controller of Array.from(this)) this.remove(controller, trouble)
  }

  #arm(): void {
    this.#look ??= this.#options.clock.after(lookEvery, () => {
      this.#look = undefined
      this.#forget()
      if (this.size > 0) this.#arm()
    })
  }

  #disarm(): void {
    this.#look?.cancel()
    this.#look = undefined
  }

  #forget(): void {
    const { clock, idleAfter } = this.#options
    const before = clock.monotonic() - idleAfter()
    for (const controller of Array.from(this.#known.udp.values()))
      if (!controller.isBusy && (controller.peer.lastHeard ?? -Infinity) < before)
        this.remove(controller, new Trouble('offline', 'it was silent for long', false))
  }
}

/**
 * Whom to forget: a stranger before one that has echoed, and of strangers one whose message is being carried out last, who would not hear what
 * became of it. Undefined: all have echoed, and wait for something.
 */
function leastCertain(controllers: Iterable<Controller>): Controller | undefined {
  let found: Controller | undefined
  let least = 4
  for (const controller of controllers) {
    const rank = certainty(controller)
    if (rank >= least) continue
    least = rank
    found = controller
    if (rank === 0) break
  }
  return found
}

function certainty({ hasConfirmed, isBusy, turns }: Controller): number {
  if (hasConfirmed) return isBusy ? 4 : 3
  if (Array.from(turns).some(({ answer, event }) => answer === undefined && event !== 'EXPSTATUS' && event !== 'EXPINFO')) return 2
  return isBusy ? 1 : 0
}
