import type { Op } from './adapter.js'

/** Things kept by name. */
export interface Keep {
  note(name: string, content: Buffer | undefined): void
  notes(): ReadonlyMap<string, Buffer>
  /** Resolves when everything noted so far is on disk. */
  committed(): Promise<void>
}

/** A command under way, as it is kept. */
export interface Kept {
  readonly topic: string
  readonly id: string
  readonly op: Op
  readonly client: string
  readonly key?: string | undefined
}

/** Begins the names of kept commands; the topic follows, as commands of a codename are serial. */
const kept = 'command:'

/** Commands under way, kept over a crash. */
export class KeptCommands {
  readonly #keep: Keep | undefined

  /** Undefined: nothing is kept. */
  constructor(keep: Keep | undefined) {
    this.#keep = keep
  }

  start(command: Kept): void {
    this.#keep?.note(kept + command.topic, Buffer.from(JSON.stringify(command)))
  }

  finish(topic: string): void {
    this.#keep?.note(kept + topic, undefined)
  }

  /** Those of an earlier run that crashed; each is no longer kept once the next is asked for. */
  *left(): IterableIterator<Kept> {
    for (const [name, content] of Array.from(this.#keep?.notes() ?? [])) {
      if (!name.startsWith(kept)) continue
      yield JSON.parse(content.toString()) as Kept
      this.#keep?.note(name, undefined)
    }
  }
}
