import type { Host } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { NoAnswer, UdpAsker } from '../common/udp-asker.js'
import { decodeAnswer } from './codec.js'
import type { Answer } from './codec.js'
import type { DataPushClientConfig } from './types.js'

/** Late answers come to the ports of so many last questions; they stay taken, so that nobody else gets them. */
const keptPorts = 4

/** What asks; none of them waits for another. */
export type Line = 'command' | 'probe' | 'forward'

/** The push socket that is dialled. */
export class Remote {
  readonly #config: DataPushClientConfig
  readonly #host: Host
  #askers: Readonly<Record<Line, UdpAsker>> | undefined

  constructor(config: DataPushClientConfig, host: Host) {
    this.#config = config
    this.#host = host
  }

  /** For people. */
  get where(): string {
    const { host, port } = this.#config.target
    return `${host}:${port}`
  }

  open(): void {
    const asker = (): UdpAsker =>
      new UdpAsker({ ...this.#config.target, clock: this.#host.clock, keptPorts, onLate: () => this.#host.count('dropped') })
    this.#askers = { command: asker(), probe: asker(), forward: asker() }
  }

  async close(): Promise<void> {
    const askers = Object.values(this.#askers ?? {})
    this.#askers = undefined
    await Promise.all(askers.map((asker) => asker.close()))
  }

  /** Sends once, whatever comes of it; one at a time on each line. Rejects with a GatewayError when there is no answer. */
  async ask(line: Line, datagram: Buffer): Promise<Answer> {
    try {
      const asker = this.#askers?.[line]
      if (asker === undefined) throw new GatewayError('Unreachable', 'the instance is stopped; nothing was sent')
      const answer = await asker.ask(datagram, this.#config.timeout)
      this.#host.count('received')
      return decodeAnswer(answer)
    } catch (thrown) {
      if (thrown instanceof NoAnswer) throw this.#explain(thrown)
      throw thrown
    }
  }

  #explain(none: NoAnswer): GatewayError {
    const { where } = this
    switch (none.kind) {
      case 'silence':
        return new GatewayError('Timeout', `no answer from ${where} within ${this.#config.timeout} s; it may have been carried out`, {
          maybeExecuted: true
        })
      case 'closed':
        return new GatewayError('Unreachable', 'the instance was stopped meanwhile; it may have been carried out', { maybeExecuted: true })
      case 'refused':
        return new GatewayError('Unreachable', `nobody listens at ${where}: start the program there, or correct target`)
      case 'unreachable':
        return new GatewayError('Unreachable', `${where} cannot be reached: ${none.message}`)
    }
  }
}
