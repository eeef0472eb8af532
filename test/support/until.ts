import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds that a test waits for what must come. */
const patience = 8000

/** Resolves when it holds; for what nothing tells of. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + patience
  while (!holds()) {
    if (performance.now() > end) throw new Error(what)
    await sleep(5)
  }
}
