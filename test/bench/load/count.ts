import type { Job, Result } from './job.js'
import { subscribe } from './subscriber.js'

/** How many messages come of themselves. */
export async function count({ mqtt, filter, seconds }: Job & { kind: 'count' }): Promise<Result> {
  let operations = 0
  const subscriber = await subscribe({ port: mqtt, filter, qos: 0, mark: 0, onMessage: () => (operations += 1), onChunk: () => {} })
  operations = 0
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  subscriber.close()
  return { operations, rate: operations / seconds, lost: 0, p50: NaN, p99: NaN }
}
