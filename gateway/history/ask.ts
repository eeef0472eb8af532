import type { Clock, Logger } from '../adapter.js'
import type { Broker } from '../broker/broker.js'
import type { HistoryCommand } from '../../schemas/types.js'
import type { Entry } from '../devices.js'
import { toPlain } from '../../adapters/common/exact-json.js'
import { GatewayError, asGatewayError } from '../errors.js'
import { understand } from '../payload.js'
import { Remembered } from '../remembered.js'
import { logFault, pagePayload, replyPayload } from '../reply.js'
import { below } from '../topic.js'
import type { Validators } from '../validators.js'
import type { History } from './history.js'
import { spanOf } from './moments.js'
import type { Span } from './moments.js'
import { Slice, paged } from './slice.js'
import { bucketText, pointText } from './text.js'
import { Pace, nextTurn } from './turn.js'

/** A message on …/history. */
export interface HistoryQuestion {
  readonly entry: Entry
  readonly id: string
  /** The same for a repetition; undefined: the sender gave no id. */
  readonly key: string | undefined
  readonly client: string
  readonly payload: Uint8Array
}

export interface HistoryDeskOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly history: Pick<History, 'keeps' | 'readings' | 'plot'>
  readonly validators: Validators
  readonly broker: Pick<Broker, 'publish' | 'room' | 'maxQueue' | 'backlog'>
  /** Of the broker: bytes of an MQTT packet, and bytes that may wait for a client before it is cut. */
  readonly limits: { readonly maxPacket: number; readonly maxOutput: number }
}

/** Questions under way, in all and of one client. */
const maxUnderWay = 16
const maxPerClient = 4

/** Readings that a question gets which gives no limit. */
const defaultLimit = 1000

/** Readings of a page; its bytes; bytes of all pages of a question, which a slow client must be able to take. */
const perPage = 500
const mostPageBytes = 64 * 1024
const leastPageBytes = 512
const maxBytes = 4 * 1024 * 1024

/** Seconds for an answer. */
const answerWithin = 60

/** Bytes that wait for a client above which the next page waits too: for the asker as long as need be, for others not longer than this. */
const mostWaiting = 256 * 1024
const patience = 0.25
const lookEvery = 0.02

/** What an answer needs all the time. */
interface Answer {
  readonly question: HistoryQuestion
  readonly controller: AbortController
  finished: boolean
  pages: number
}

/** Answers what MQTT clients ask of the history: pages on the reply topic, and exactly one `done` or `failed`. */
export class HistoryDesk {
  readonly #options: HistoryDeskOptions
  /** Apart from that of the commands: many questions must not make a command forgotten, which would then be carried out twice. */
  readonly #remembered: Remembered
  readonly #underWay = new Set<Answer>()
  #stopped = false

  constructor(options: HistoryDeskOptions) {
    this.#options = options
    this.#remembered = new Remembered(options.clock)
  }

  /** Checks the question, which throws the refusal; the answer follows by itself. */
  ask(question: HistoryQuestion): void {
    const { key, entry, client } = question
    const known = key === undefined ? undefined : this.#remembered.get(key)
    if (known !== undefined) {
      if (known.reply !== undefined) this.#options.broker.publish(known.topic, known.reply, 'reply')
      return
    }
    if (this.#stopped) throw new GatewayError('Unreachable', 'the gateway is stopping')
    const { clock, validators, history } = this.#options
    const command = commandOf(question.payload, validators)
    const kind = command.points !== undefined ? 'plot' : (command.order ?? 'oldest')
    const span = spanOf(command, clock.now(), kind)
    if (!history.keeps(entry)) throw noHistory(entry)
    const ofClient = [...this.#underWay].filter((other) => other.question.client === client).length
    if (this.#underWay.size >= maxUnderWay)
      throw new GatewayError('RateLimited', `already ${maxUnderWay} questions for the history under way`)
    if (ofClient >= maxPerClient)
      throw new GatewayError('RateLimited', `already ${maxPerClient} questions of this client for the history under way`)
    const answer: Answer = { question, controller: new AbortController(), finished: false, pages: 0 }
    this.#underWay.add(answer)
    if (key !== undefined) this.#remembered.start(key, below(entry.topic, 'reply'))
    void this.#answer(answer, command, span)
  }

  /** Ends what is under way. */
  stop(): void {
    this.#stopped = true
    for (const answer of this.#underWay) this.#fail(answer, new GatewayError('Unreachable', 'the gateway is stopping'))
    this.#remembered.clear()
  }

  async #answer(answer: Answer, command: HistoryCommand, span: Span): Promise<void> {
    const timer = this.#options.clock.after(answerWithin, () =>
      this.#fail(answer, new GatewayError('Timeout', `not all could be given within ${answerWithin} s: ask for a shorter time`))
    )
    try {
      if (command.points === undefined) await this.#readings(answer, command, span)
      else await this.#plot(answer, command.points, span)
    } catch (thrown) {
      this.#fail(answer, asGatewayError(thrown))
    } finally {
      timer.cancel()
      this.#underWay.delete(answer)
    }
  }

  async #readings(answer: Answer, { limit = defaultLimit, order }: HistoryCommand, span: Span): Promise<void> {
    const { clock, history } = this.#options
    const { device, codename } = answer.question.entry
    const limits = { limit, maxBytes, perPage, pageBytes: this.#pageBytes(answer.question), omits: true }
    const slice = new Slice(history, { device, codename, ...span }, limits, order === 'newest' ? clock.now() : undefined)
    let held: readonly string[] | undefined
    for await (const page of slice.pages(answer.controller.signal)) {
      if (answer.finished) return
      // Which is the last shows when no other comes.
      if (held !== undefined) await this.#page(answer, 'accepted', (n) => `{"page":${n},"readings":[${held?.join(',')}]}`)
      held = page
    }
    const next = slice.next === undefined ? '' : `"next":"${slice.next}",`
    await this.#page(answer, 'done', (n) => `{"count":${slice.count},${next}"page":${n},"readings":[${held?.join(',')}]}`)
  }

  async #plot(answer: Answer, points: number, span: Span): Promise<void> {
    const { entry } = answer.question
    const { device, codename, meta } = entry
    const plot = await this.#options.history.plot({ device, codename, ...span }, points, answer.controller.signal)
    const isReadings = plot.kind === 'readings'
    const name = isReadings ? 'readings' : 'rollups'
    const more = isReadings ? '' : `,"step":${plot.step}${meta.unit === undefined ? '' : `,"unit":${JSON.stringify(meta.unit)}`}`
    const texts = await (isReadings ? allTexts(plot.points, pointText) : allTexts(plot.buckets, bucketText))
    const pages = [...paged(texts, perPage, this.#pageBytes(answer.question))]
    for (const [at, page] of pages.entries()) {
      const isLast = at === pages.length - 1
      const count = isLast ? `"count":${texts.length},` : ''
      await this.#page(answer, isLast ? 'done' : 'accepted', (n) => `{${count}"page":${n},"${name}":[${page.join(',')}]${more}}`)
    }
  }

  /** Publishes when there is room: neither the broker's queue nor the asker is to be flooded. */
  async #page(answer: Answer, phase: 'accepted' | 'done', value: (n: number) => string): Promise<void> {
    await this.#room(answer)
    if (answer.finished) return
    answer.pages += 1
    const { entry, id, client } = answer.question
    const payload = pagePayload({ id, op: 'history', client, phase }, value(answer.pages), this.#options.clock.now())
    if (phase === 'done') this.#finish(answer, payload)
    else this.#options.broker.publish(below(entry.topic, 'reply'), payload, 'reply')
  }

  async #room({ question, controller }: Answer): Promise<void> {
    const { broker, clock, limits } = this.#options
    await nextTurn()
    const pressed = Math.min(mostWaiting, limits.maxOutput / 4)
    const isPressed = (): boolean => broker.room < broker.maxQueue / 2 || broker.backlog(question.client) > pressed
    for (let waited = 0; isPressed() || (waited < patience && broker.backlog() > pressed); waited += lookEvery) {
      if (controller.signal.aborted) return
      await new Promise<void>((resolve) => clock.after(lookEvery, resolve))
    }
  }

  #fail(answer: Answer, error: GatewayError): void {
    if (answer.finished) return
    const { id, client } = answer.question
    logFault(this.#options.log, { id, op: 'history', client, error })
    const said = answer.pages === 0 ? error : new GatewayError(error.class, `${error.message} (the ${answer.pages} pages before are right)`)
    this.#finish(answer, replyPayload({ id, op: 'history', client, phase: 'failed', error: said }, undefined, this.#options.clock.now()))
    answer.controller.abort(error)
  }

  #finish(answer: Answer, payload: string): void {
    answer.finished = true
    const { key, entry } = answer.question
    const topic = below(entry.topic, 'reply')
    if (key !== undefined) this.#remembered.finish(key, topic, payload, false)
    this.#options.broker.publish(topic, payload, 'reply')
  }

  /** What is left for readings of a packet that must not be larger than a client may take. */
  #pageBytes({ entry, id, client }: HistoryQuestion): number {
    const frame = pagePayload({ id, op: 'history', client, phase: 'accepted' }, '', 0).length * 2 + entry.topic.length + 200
    const { maxPacket, maxOutput } = this.#options.limits
    return Math.max(leastPageBytes, Math.min(mostPageBytes, maxPacket - frame, maxOutput / 4))
  }
}

/** Throws a GatewayError as soon as they are too large. */
async function allTexts<T>(items: readonly T[], textOf: (item: T) => string): Promise<string[]> {
  const pace = new Pace()
  const texts: string[] = []
  let size = 0
  for (const item of items) {
    const text = textOf(item)
    size += text.length
    if (size > maxBytes) throw new GatewayError('RateLimited', `the answer is larger than ${maxBytes} bytes: ask for fewer points`)
    texts.push(text)
    if (pace.isDue) await pace.turn()
  }
  return texts
}

/** Throws the refusal. An empty payload asks for the last hour. */
function commandOf(payload: Uint8Array, validators: Validators): HistoryCommand {
  const { text, value } = understand(payload)
  if (text.trim() === '') return {}
  if (!(value instanceof Map))
    throw new GatewayError('BadPayload', 'a question for the history is JSON: {"id": …, "from": -3600}', { rule: 'json' })
  const form = toPlain(value)
  const refused = validators.checkMessage('history', form)
  if (refused !== undefined) throw refused
  const command = form as HistoryCommand
  if (command.points !== undefined && (command.limit !== undefined || command.order !== undefined))
    throw new GatewayError('BadPayload', 'points are of the whole time; limit and order go with readings', { rule: 'points' })
  return command
}

/** Also for HTTP. */
export function noHistory({ device, codename }: Pick<Entry, 'device' | 'codename'>): GatewayError {
  return new GatewayError('ReadOnly', `no history is kept of ${device}/${codename} (history: off in the configuration)`)
}
