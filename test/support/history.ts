import type { TestClient } from './mqtt.js'

/** A reading as the history gives it. */
export interface Past {
  readonly time: string
  readonly value: unknown
  readonly quality: string
  readonly since?: string
  readonly [member: string]: unknown
}

/** One reply to a question for the history. */
export interface HistoryReply {
  readonly id: string
  readonly phase: 'accepted' | 'done' | 'failed'
  readonly client: string
  readonly op: string
  readonly value?: {
    readonly page: number
    readonly readings?: readonly Past[]
    readonly rollups?: readonly Record<string, unknown>[]
    readonly count?: number
    readonly next?: string
    readonly step?: number
    readonly unit?: string
  }
  readonly error?: { readonly class: string; readonly message: string }
}

/** All pages of an answer, and what they hold together. */
export interface Asked {
  readonly replies: readonly HistoryReply[]
  readonly last: HistoryReply
  readonly readings: readonly Past[]
  readonly values: readonly unknown[]
}

let ids = 0

/** Asks over MQTT. The client has subscribed to the reply topic. */
export async function askHistory(client: TestClient, codename: string, question: object = {}): Promise<Asked> {
  const id = `h${(ids += 1)}`
  await client.publish(`lab/${codename}/history`, { id, ...question })
  return await answerTo(client, codename, id)
}

/** What comes for that id, up to the last page. */
export async function answerTo(client: TestClient, codename: string, id: string): Promise<Asked> {
  const replies: HistoryReply[] = []
  for (;;) {
    const { text } = await client.next(({ topic, text: said }) => topic === `lab/${codename}/reply` && said.includes(`"id":"${id}"`))
    const reply = JSON.parse(text) as HistoryReply
    replies.push(reply)
    if (reply.phase === 'accepted') continue
    const readings = replies.flatMap(({ value }) => value?.readings ?? [])
    return { replies, last: reply, readings, values: readings.map(({ value }) => value) }
  }
}

/** Publishes readings with times of their own, a second apart. Resolves when the gateway has them all. */
export async function publishReadings(client: TestClient, codename: string, begin: number, values: readonly unknown[]): Promise<void> {
  for (const [i, value] of values.entries()) {
    const time = new Date((begin + i) * 1000).toISOString()
    await client.publish(`lab/${codename}`, { time, value }, { qos: i === values.length - 1 ? 1 : 0 })
  }
}
