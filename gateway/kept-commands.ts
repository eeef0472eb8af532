import type { Exact, Op, Ref } from './adapter.js'
import { brief } from './brief.js'
import type { Pending } from './pending.js'

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
  /** For its story. Left out by versions that told none. */
  readonly asked?: Asked
}

interface Asked extends Ref {
  /** Unix seconds. */
  readonly at: number
  /** As text, when it is short. */
  readonly value?: string
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

  start({ entry, id, op, client, key }: Pending, value: Exact, at: number): void {
    if (this.#keep === undefined) return
    const { topic, device, codename } = entry
    const { text, whole } = brief(value)
    const asked: Asked = { device, codename, at, ...(op !== 'get' && whole ? { value: text } : {}) }
    const record: Kept = { topic, id, op, client, key, asked }
    this.#keep.note(kept + topic, Buffer.from(JSON.stringify(record)))
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
