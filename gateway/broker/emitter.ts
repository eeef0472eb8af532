/** What is emitted. Aedes' packets have more in them, which nobody here looks at. */
export interface Emitted {
  readonly topic: string
}

type Done = (error?: Error) => void

/** Takes a message and calls back once when it is done with it. */
export type Receive<P> = (packet: P, done: () => void) => void

class Node<P> {
  readonly children = new Map<string, Node<P>>()
  /** Replaced, never changed: a message on its way goes on to those whom it was meant for. */
  receivers: readonly Receive<P>[] = []
}

/** Topics whose receivers are remembered; a laboratory has some thousand. */
const maxRemembered = 10_000

/** Characters of them all: a topic may have 65,535. */
const maxCharacters = 2_000_000

const nothing = (): void => {}

/**
 * What Aedes takes as `mq`, in place of mqemitter and qlobber: the same answers (emitter.test.ts asks both), without a limit on
 * what is under way, and cheaper, because the receivers of a topic are remembered until a subscription changes.
 * Everything is synchronous, so messages are received in the order in which they are emitted. A receiver that throws counts as done.
 */
export class Emitter<P extends Emitted> {
  /** Aedes and mqemitter's users may look at these two: nothing is ever queued here. */
  readonly length = 0
  readonly concurrency = 0
  /** Messages whose receivers are not all done. */
  current = 0
  closed = false
  readonly #failed: (error: unknown, topic: string) => void
  readonly #root = new Node<P>()
  readonly #remembered = new Map<string, readonly Receive<P>[]>()
  #characters = 0

  constructor(failed: (error: unknown, topic: string) => void) {
    this.#failed = failed
  }

  /**
   * Holds from now on. `done` is called at once, not in a later turn as by mqemitter: Aedes knows a subscription when `done` was called, and
   * what the client sent behind its SUBSCRIBE would come between.
   */
  on(filter: string, receive: Receive<P>, done?: () => void): this {
    let node = this.#root
    for (const level of filter.split('/')) {
      let child = node.children.get(level)
      if (child === undefined) node.children.set(level, (child = new Node()))
      node = child
    }
    node.receivers = [...node.receivers, receive]
    this.#forget()
    done?.()
    return this
  }

  /** The same: Aedes forgets the subscription when `done` was called, and would take a SUBSCRIBE that came meanwhile for one it has. */
  removeListener(filter: string, receive: Receive<P>, done?: () => void): this {
    this.#remove(filter, receive)
    done?.()
    return this
  }

  /** Hands the packet to everyone whose filter matches, once for each filter. `done` is called when all of them are done. */
  emit(packet: P, done: Done = nothing): void {
    if (this.closed) return done(new Error('the emitter is closed'))
    const receivers = this.#receivers(packet.topic)
    let left = receivers.length
    if (left === 0) return done()
    this.current += 1
    const received = (): void => {
      left -= 1
      if (left > 0) return
      this.current -= 1
      done()
    }
    for (const receive of receivers) {
      const before = left
      try {
        receive(packet, received)
      } catch (error) {
        this.#failed(error, packet.topic)
        if (left === before) received()
      }
    }
  }

  /** Topics whose receivers are remembered. */
  get remembered(): number {
    return this.#remembered.size
  }

  /** Does anybody listen to the topic? */
  wanted(topic: string): boolean {
    return this.#receivers(topic).length > 0
  }

  close(done: () => void): this {
    this.closed = true
    setImmediate(done)
    return this
  }

  #receivers(topic: string): readonly Receive<P>[] {
    let found = this.#remembered.get(topic)
    if (found === undefined) {
      const matches: Receive<P>[] = []
      collect(this.#root, topic.split('/'), 0, matches)
      if (this.#remembered.size >= maxRemembered || this.#characters + topic.length > maxCharacters) this.#forget()
      this.#remembered.set(topic, (found = matches))
      this.#characters += topic.length
    }
    return found
  }

  #forget(): void {
    this.#remembered.clear()
    this.#characters = 0
  }

  #remove(filter: string, receive: Receive<P>): void {
    const levels = filter.split('/')
    const path = [this.#root]
    for (const level of levels) {
      const child = path.at(-1)?.children.get(level)
      if (child === undefined) return
      path.push(child)
    }
    const node = path.at(-1) as Node<P>
    const index = node.receivers.indexOf(receive)
    if (index < 0) return
    node.receivers = node.receivers.toSpliced(index, 1)
    for (let depth = levels.length; depth > 0; depth -= 1) {
      const { receivers, children } = path[depth] as Node<P>
      if (receivers.length > 0 || children.size > 0) break
      path[depth - 1]?.children.delete(levels[depth - 1] as string)
    }
    this.#forget()
  }
}

/** `#` stands for any number of levels, also none; `+` for one, also an empty one. As deep as the topic, which Aedes holds to 100 levels. */
function collect<P>(node: Node<P>, levels: readonly string[], depth: number, matches: Receive<P>[]): void {
  const rest = node.children.get('#')
  if (rest !== undefined) matches.push(...rest.receivers)
  const level = levels[depth]
  if (level === undefined) {
    matches.push(...node.receivers)
    return
  }
  const one = node.children.get('+')
  if (one !== undefined) collect(one, levels, depth + 1, matches)
  const same = level === '+' || level === '#' ? undefined : node.children.get(level)
  if (same !== undefined) collect(same, levels, depth + 1, matches)
}
