import type { Entry } from '../devices.js'
import { GatewayError } from '../errors.js'
import type { ReplyFields } from '../reply.js'
import type { Exact } from '../adapter.js'
import type { History } from './history.js'

/** A message on …/history. */
export interface HistoryQuestion {
  readonly entry: Entry
  readonly id: string
  readonly client: string
  readonly payload: Uint8Array
}

export interface HistoryDeskOptions {
  readonly history: History
  /** Publishes on the reply topic of the codename. */
  readonly reply: (entry: Entry, reply: ReplyFields, value: Exact | undefined) => void
}

/** Answers what MQTT clients ask of the history: pages on the reply topic. */
export class HistoryDesk {
  constructor(options: HistoryDeskOptions) {
    void options
  }

  /** Checks the question, which throws the refusal; the answer follows by itself. */
  ask(question: HistoryQuestion): void {
    throw new GatewayError('ReadOnly', `no history is kept of ${question.entry.device}/${question.entry.codename}`)
  }

  /** Ends what is under way. */
  stop(): void {}
}
