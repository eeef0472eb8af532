/** Commands that wait for their reply. */
import { after } from '../clock.js'
import type { Timer } from '../clock.js'
import { writeJson } from '../controls/draft.js'
import { formatTime } from '../../time.js'
import { below } from '../../topic.js'
import type { CodenameView } from './table.js'
import type { Link } from './link.js'
import type { Reply, ReplyError } from '../../../schemas/types.js'

/** What a person is asked before anything is sent. */
export interface Question {
  readonly value?: unknown
  readonly arguments?: unknown
  /** Only check: nothing is done. */
  readonly check?: boolean
  /** The same id twice is carried out once. */
  readonly id?: string
  /** It takes longer than half a second. */
  readonly onAccepted?: (reply: Reply) => void
}

export type Op = 'set' | 'get' | 'call'

/** Seconds for the first word of the gateway, which says `accepted` after half a second. What it gets or begins later, it refuses. */
const firstWithin = 8

/** Seconds for the end where nothing says how long a command may take. */
const endWithin = 120

/** Reply topics that stay subscribed to. */
const mostTopics = 20

type Sender = Pick<Link, 'up' | 'subscribe' | 'unsubscribe' | 'publish'>

interface Waiting {
  readonly op: Op
  readonly check: boolean
  readonly topic: string
  readonly settle: (reply: Reply) => void
  readonly accepted: (reply: Reply) => void
  timer: Timer
}

const decoder = new TextDecoder()

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** Of this page alone; the gateway takes up to 64 characters. */
export function newId(prefix = 'page'): string {
  const random = crypto.getRandomValues(new Uint8Array(12))
  return `${prefix}-${[...random].map((byte) => letters[byte % letters.length]).join('')}`
}

export class Asking {
  readonly #link: Sender
  readonly #client: string
  readonly #now: () => number
  readonly #after: typeof after
  readonly #waiting = new Map<string, Waiting>()
  /** Reply topics that are subscribed to, the last used last. They are kept: a check is followed by the command itself. */
  readonly #topics = new Map<string, Promise<void>>()

  /** `now`: the gateway's Unix seconds. */
  constructor(link: Sender, client: string, now: () => number, wait: typeof after = after) {
    this.#link = link
    this.#client = client
    this.#now = now
    this.#after = wait
  }

  /** Exactly one `done` or `failed`; never rejects. What the page itself has to say is a `failed` as the gateway would write it. */
  async ask(op: Op, view: CodenameView, question: Question): Promise<Reply> {
    const { id = newId(), onAccepted, ...payload } = question
    const failed = (error: ReplyError): Reply => ({ client: this.#client, id, op, phase: 'failed', time: formatTime(this.#now()), error })
    if (!this.#link.up) return failed({ class: 'Unreachable', message: 'not connected to the gateway: nothing was sent', retryable: true })
    if (this.#waiting.has(id)) return failed({ class: 'Busy', message: 'the same command is on its way already', retryable: true })
    const replies = below(view.topic, 'reply')
    const timeout = op === 'call' ? (view.meta?.callable?.timeout ?? endWithin) + firstWithin : endWithin
    return await new Promise<Reply>((resolve) => {
      const check = question.check === true
      const late = (error: ReplyError) => (): void => this.#settle(id, failed(check ? noCheck : error))
      const waiting: Waiting = {
        op,
        check,
        topic: replies,
        settle: resolve,
        accepted: (reply) => {
          waiting.timer.cancel()
          waiting.timer = this.#after(timeout, late(noEnd))
          onAccepted?.(reply)
        },
        timer: this.#after(firstWithin, late(noWord))
      }
      this.#waiting.set(id, waiting)
      // Nobody waits for it then: what is still on its way must not be done behind the back of who was told that it failed.
      const expires = formatTime(this.#now() + firstWithin)
      void this.#send(waiting, id, below(view.topic, op), writeJson({ ...payload, id, expires })).catch((error: unknown) =>
        this.#settle(
          id,
          failed({
            class: 'Unreachable',
            message: `it could not be sent: ${(error as Error).message}`,
            retryable: true,
            maybeExecuted: true
          })
        )
      )
    })
  }

  /** A message on a reply topic. */
  heard(topic: string, payload: Uint8Array): boolean {
    if (this.#topics.size === 0 || !this.#topics.has(topic)) return false
    let reply: Reply
    try {
      reply = JSON.parse(decoder.decode(payload)) as Reply
    } catch {
      return true
    }
    const waiting = this.#waiting.get(reply.id)
    if (waiting === undefined || waiting.topic !== topic) return true
    if (reply.phase === 'accepted') waiting.accepted(reply)
    else this.#settle(reply.id, reply)
    return true
  }

  /** The connection is gone; what the device did meanwhile is not known, and nothing is sent a second time by itself. */
  lost(): void {
    for (const [id] of this.#waiting) this.#settle(id, undefined)
    this.#topics.clear()
  }

  async #send(waiting: Waiting, id: string, topic: string, payload: string): Promise<void> {
    await this.#listen(waiting.topic)
    if (this.#waiting.get(id) !== waiting) return
    await this.#link.publish(topic, payload)
  }

  async #listen(replies: string): Promise<void> {
    const listened = this.#topics.get(replies)
    this.#topics.delete(replies)
    const now = listened ?? this.#link.subscribe({ [replies]: { qos: 1 } })
    this.#topics.set(replies, now)
    const wanted = new Set([...this.#waiting.values()].map(({ topic }) => topic))
    for (const topic of this.#topics.keys()) {
      if (this.#topics.size <= mostTopics) break
      if (!wanted.has(topic) && this.#topics.delete(topic)) this.#link.unsubscribe(topic)
    }
    try {
      await now
    } catch (error) {
      if (this.#topics.get(replies) === now) this.#topics.delete(replies)
      throw error
    }
  }

  #settle(id: string, reply: Reply | undefined): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    waiting.timer.cancel()
    waiting.settle(
      reply ?? {
        client: this.#client,
        id,
        op: waiting.op,
        phase: 'failed',
        time: formatTime(this.#now()),
        error: waiting.check ? checkLost : connectionLost
      }
    )
  }
}

const noWord: ReplyError = {
  class: 'Timeout',
  message: 'no reply came; whether the device did it is not known; what has not begun by now will not be done later',
  retryable: true,
  maybeExecuted: true
}

const noEnd: ReplyError = {
  class: 'Timeout',
  message: 'it was accepted, but its end was not told; whether the device did it is not known',
  retryable: true,
  maybeExecuted: true
}

const connectionLost: ReplyError = {
  class: 'Unreachable',
  message: 'the connection to the gateway was lost before the reply; whether the device did it is not known',
  retryable: true,
  maybeExecuted: true
}

const noCheck: ReplyError = { class: 'Timeout', message: 'the gateway did not answer the check; nothing was done', retryable: true }

const checkLost: ReplyError = {
  class: 'Unreachable',
  message: 'the connection to the gateway was lost during the check; nothing was done',
  retryable: true
}
