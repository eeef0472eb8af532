/** What all UDP sockets of PyExpLabSys have in common: one datagram in, at most one out, and `status`, which reports the whole machine. */
import type { Endpoint, Host } from '../../gateway/adapter.js'
import type { ExactMap } from './exact-json.js'
import { MachineStatus, statusAnswer } from './machine-status.js'
import { isAnswer } from './ascii-datagram.js'
import { dumps } from './python-text.js'
import { Sources } from './sources.js'
import type { SourceRules } from './sources.js'
import { UdpServer } from './udp-server.js'

export interface SocketConfig extends SourceRules {
  readonly host: string
  readonly port: number
  readonly name: string
  readonly checkActivity: boolean
  /** Seconds. */
  readonly activityTimeout: number
}

export interface SocketOptions {
  readonly config: SocketConfig
  /** As `status` shows it. */
  readonly type: 'date' | 'data' | 'push'
  readonly host: Host
  /** `answer` may be called later, or never: undefined is silence. `asker`: address and port. */
  readonly onDatagram: (datagram: Buffer, answer: (reply: Buffer | undefined) => void, asker: string) => void
}

export class PyExpLabSysSocket {
  readonly #options: SocketOptions
  readonly #machine = new MachineStatus()
  readonly #udp: UdpServer
  #lastActivity = 0

  constructor(options: SocketOptions) {
    const { config, host, onDatagram } = options
    this.#options = options
    this.#udp = new UdpServer({
      host: config.host,
      port: config.port,
      sources: new Sources({ config, host }),
      onDatagram: (datagram, answer, asker) => {
        host.count('received')
        // Two sockets that tell each other what they did not understand would never end.
        if (isAnswer(datagram)) return host.count('refused')
        const counted = (reply: Buffer | undefined): void => {
          if (reply === undefined) return
          host.count('answered')
          answer(reply)
        }
        onDatagram(datagram, counted, asker)
      },
      onError: (error) => host.failed(error),
      onLost: (error) => {
        host.count('dropped')
        host.log.debug({ reason: error.message }, 'an answer could not be sent')
      }
    })
  }

  /** Being created is activity (section 6). */
  async open(signal: AbortSignal): Promise<void> {
    const { config, type, host } = this.#options
    this.active()
    await this.#machine.look(host.clock.monotonic())
    await this.#udp.open(signal)
    const { port } = this.#udp
    host.log.info(
      { protocol: 'udp', host: config.host, port, type },
      `${type} socket ${JSON.stringify(config.name)} on udp ${config.host}:${port}`
    )
  }

  async close(): Promise<void> {
    await this.#udp.close()
  }

  /** The socket was set or poked; being asked is no activity (section 6). */
  active(): void {
    this.#lastActivity = this.#options.host.clock.now()
  }

  endpoint(): Endpoint {
    const { config, type } = this.#options
    const { host, port, name, checkActivity, activityTimeout } = config
    return {
      protocol: 'udp',
      host,
      port: this.#udp.port ?? port,
      name,
      type,
      lastActivity: this.#lastActivity,
      ...(checkActivity ? { activityTimeout } : {})
    }
  }

  /** The answer to `status`, from memory; the look at the machine that it starts is for the next one who asks. */
  status(): ExactMap {
    const { host } = this.#options
    this.#machine.look(host.clock.monotonic()).catch((error: unknown) => host.log.error({ err: error }, 'cannot look at the machine'))
    const lengthOf = (answer: ExactMap): number => dumps(answer).length
    const { status, left } = statusAnswer(this.#machine.known, host.endpoints(), this.endpoint(), host.clock.now(), lengthOf)
    if (left > 0) host.count('dropped', left)
    return status
  }
}
