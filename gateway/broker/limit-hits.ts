/** Limits, and rules of the protocol, by which something was refused; named as in broker.limits where there is one of the name. */
export type Limit =
  | 'maxConnections'
  | 'maxConnectRate'
  | 'connectTime'
  | 'handshake'
  | 'maxPacket'
  | 'protocol'
  | 'maxOutput'
  | 'shedOutput'
  | 'maxFilters'
  | 'maxRetained'
  | 'maxQueued'
  | 'maxSessions'
  | 'maxRequests'
  | 'maxStreams'
  | 'slowStreams'
  | 'maxHistory'
  | 'deadLetters'

const limits: readonly Limit[] = [
  'maxConnections',
  'maxConnectRate',
  'connectTime',
  'handshake',
  'maxPacket',
  'protocol',
  'maxOutput',
  'shedOutput',
  'maxFilters',
  'maxRetained',
  'maxQueued',
  'maxSessions',
  'maxRequests',
  'maxStreams',
  'slowStreams',
  'maxHistory',
  'deadLetters'
]

/** How often each was hit since start. */
export class LimitHits {
  readonly #hits = new Map<Limit, bigint>(limits.map((limit) => [limit, 0n]))

  hit(limit: Limit): void {
    this.#hits.set(limit, (this.#hits.get(limit) ?? 0n) + 1n)
  }

  get all(): ReadonlyMap<Limit, bigint> {
    return this.#hits
  }
}
