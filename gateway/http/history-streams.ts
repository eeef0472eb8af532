import { Readable, pipeline } from 'node:stream'
import type { Transform } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock, Logger } from '../adapter.js'
import { asGatewayError, GatewayError } from '../errors.js'
import { formatTime } from '../time.js'
import type { Broker } from '../broker/broker.js'
import { preferred } from './accept.js'
import type { HistoryAnswer } from './history-answer.js'
import type { Parts } from './parts.js'
import { Shares, sharerOf } from './shares.js'

/** Answers that may be under way at once; of one asker half as many. */
const maxStreams = 16

/** Seconds for which an asker may take nothing. */
const patience = 30

/** As fast as a disk gives it, and still a sixth of the size. */
const gzip = { level: constants.Z_BEST_SPEED }

interface Stream {
  readonly controller: AbortController
}

/** Answers as long as there is something to tell: held up by who reads slowly, ended when the asker goes or does not read at all. */
export class HistoryStreams {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #broker: Pick<Broker, 'hit'>
  readonly #underWay = new Set<Stream>()
  readonly #shares = new Shares(maxStreams)
  #stopped = false

  constructor({ clock, log, broker }: Pick<Parts, 'clock' | 'log' | 'broker'>) {
    this.#broker = broker
    this.#clock = clock
    this.#log = log
  }

  /** Rejects with what is to be told, as long as nothing was sent; later the connection is cut, so that nobody takes a half for the whole. */
  async send(request: FastifyRequest, reply: FastifyReply, answer: HistoryAnswer): Promise<FastifyReply> {
    if (this.#stopped) throw new GatewayError('Unreachable', 'the gateway is stopping')
    const leave = this.#shares.take(sharerOf(request))
    if (leave === undefined) {
      this.#broker.hit('maxHistory')
      const most = `${maxStreams} answers of the history are under way, or ${maxStreams / 2} of the same asker`
      throw new GatewayError('RateLimited', `already ${most}`, { rule: 'maxHistory' })
    }
    const controller = new AbortController()
    const stream: Stream = { controller }
    this.#underWay.add(stream)
    const { raw } = reply
    raw.once('close', () => {
      controller.abort(new GatewayError('Timeout', 'the asker went away'))
      this.#underWay.delete(stream)
      leave()
    })
    const pieces = answer.pieces(controller.signal)
    const first = await pieces.next()
    const body = this.#body(first, pieces, controller)
    const { format, type } = answer.asked
    void reply.type(`${type}; charset=utf-8${format === 'csv' ? '; header=present' : ''}`).header('cache-control', 'no-store')
    void reply.header('vary', [reply.getHeader('vary'), 'Accept', 'Accept-Encoding'].filter(Boolean).join(', '))
    if (format !== 'json') void reply.header('content-disposition', `attachment; filename="${fileName(answer)}.${format}"`)
    const accepts = request.headers['accept-encoding']
    if (accepts === undefined || preferred(accepts, ['identity', 'gzip']) !== 'gzip') return await reply.send(body)
    void reply.header('content-encoding', 'gzip')
    return await reply.send(this.#packed(body))
  }

  stop(): void {
    this.#stopped = true
    for (const { controller } of this.#underWay) controller.abort(new GatewayError('Unreachable', 'the gateway is stopping'))
  }

  #body(first: IteratorResult<string>, pieces: AsyncGenerator<string>, controller: AbortController): Readable {
    const watch = (): { cancel: () => void } =>
      this.#clock.after(patience, () => controller.abort(new GatewayError('Timeout', `the asker took nothing for ${patience} s`)))
    let idle = watch()
    async function* all(log: Logger): AsyncGenerator<string> {
      try {
        if (first.done !== true) yield first.value
        for await (const piece of pieces) {
          idle.cancel()
          idle = watch()
          yield piece
        }
      } catch (thrown) {
        const { class: name, message } = asGatewayError(thrown)
        if (name !== 'Timeout') log.warn({ class: name, reason: message }, 'an answer of the history over HTTP was cut off')
        throw thrown
      }
    }
    const body = Readable.from(all(this.#log), { objectMode: false })
    body.once('close', () => idle.cancel())
    // A piece that nobody takes is not asked for: the generator does not see the end.
    controller.signal.addEventListener('abort', () => body.destroy(controller.signal.reason as Error), { once: true })
    return body
  }

  #packed(body: Readable): Transform {
    const packed = createGzip(gzip)
    pipeline(body, packed, () => {})
    return packed
  }
}

/** Of letters that every system takes. */
function fileName({ entries, asked }: HistoryAnswer): string {
  const [only] = entries
  const name = entries.length === 1 && only !== undefined ? `${only.device}-${only.codename}` : 'history'
  const from = formatTime(asked.span.from)
    .replace(/\..*Z$/, 'Z')
    .replaceAll(':', '')
  return `${name.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 100)}-${from}`
}
