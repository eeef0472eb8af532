/** Who wants every reading of a codename as it comes. */
import type { Reading } from '../../../schemas/types.js'
import type { CodenameView } from './table.js'

type Run = (reading: Reading, view: CodenameView) => void

export class Watchers {
  readonly #byTopic = new Map<string, Set<Run>>()

  add(topic: string, run: Run): () => void {
    const runs = this.#byTopic.get(topic) ?? new Set()
    this.#byTopic.set(topic, runs)
    runs.add(run)
    return () => {
      runs.delete(run)
      if (runs.size === 0 && this.#byTopic.get(topic) === runs) this.#byTopic.delete(topic)
    }
  }

  tell(view: CodenameView): void {
    const runs = this.#byTopic.get(view.topic)
    const { reading } = view
    if (runs !== undefined && reading !== undefined) for (const run of runs) run(reading, view)
  }
}
