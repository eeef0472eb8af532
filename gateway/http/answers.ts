import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

interface Asked {
  /** Requests of the connection so far. */
  count: number
  readonly unanswered: Set<ServerResponse>
}

/** What each connection has asked, and what of it is not answered yet. */
export class Answers {
  readonly #most: number
  readonly #asked = new WeakMap<Duplex, Asked>()

  /** `most`: requests of one connection; the answer to the last one closes it. */
  constructor(most: number) {
    this.#most = most
  }

  /** A request has come. False: it is one too many, and its connection closes once what came before it is answered. */
  take({ socket }: IncomingMessage, response: ServerResponse): boolean {
    const asked = this.#of(socket)
    asked.count += 1
    if (asked.count > this.#most) return false
    // Node itself would say that it closes, and go on.
    if (asked.count === this.#most) response.shouldKeepAlive = false
    asked.unanswered.add(response)
    response.once('close', () => asked.unanswered.delete(response))
    return true
  }

  /**
   * Whether the connection may be handed over, or begun anew: an answer that is still to come would be written into whatever it has become,
   * and Node's account of it would be wrong, which ends the process.
   */
  isIdle(socket: Duplex): boolean {
    // Also what Node answers on its own account.
    return this.#of(socket).unanswered.size === 0 && !(socket as { _httpMessage?: unknown })._httpMessage
  }

  #of(socket: Duplex): Asked {
    const known = this.#asked.get(socket)
    if (known !== undefined) return known
    const asked: Asked = { count: 0, unanswered: new Set() }
    this.#asked.set(socket, asked)
    // Node tells it only of the answer whose turn it is: those behind it would keep their places for ever.
    socket.once('close', () => {
      for (const response of asked.unanswered) if (!response.closed) response.emit('close')
    })
    return asked
  }
}
