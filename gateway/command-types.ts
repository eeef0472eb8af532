import type { Clock, Command, Exact, Logger, Op, Ref } from './adapter.js'
import type { Rights } from './access/identity.js'
import type { Publish } from './broker/queue.js'
import type { Devices } from './devices.js'
import type { GatewayError } from './errors.js'
import type { HistoryQuestion } from './history/ask.js'
import type { Keep } from './kept-commands.js'
import type { Latest } from './latest.js'
import type { Step } from './stories.js'
import type { Validators } from './validators.js'

export interface CommandsOptions {
  readonly clock: Clock
  readonly devices: Devices
  readonly validators: Validators
  readonly latest: Latest
  readonly publish: Publish
  /** Hands the command to an instance; rejects when that is down. */
  readonly execute: (instance: string, command: OwnCommand, signal: AbortSignal) => Promise<Exact>
  /** Why a device can not be reached that said so; undefined: it may be there. */
  readonly whyOffline: (device: string) => string | undefined
  readonly log: Logger
  /** Every moment in the life of every command that is no secret. Must be quick, and must not throw. */
  readonly step: (step: Step) => void
  /** Answers a question for the history, on the reply topic, by itself; throws the refusal. */
  readonly askHistory: (question: HistoryQuestion) => void
  /** Where commands under way are kept over a crash; undefined: nowhere. */
  readonly keep?: Keep | undefined
}

/** `rights`: of who asks for what the gateway itself carries out. Left out: everything. */
export type OwnCommand = Command & { readonly rights?: Rights }

/** A message on the topic of a command, from whoever asks. */
export interface CommandMessage extends Ref {
  readonly topic: string
  readonly op: Op | 'history'
  readonly payload: Uint8Array
  readonly retain: boolean
  readonly client: string
  /** Of who asks; left out: everything. */
  readonly rights?: Rights | undefined
  /** Of a command that brings none. */
  readonly id?: string
  /** What is refused is a dead letter. */
  readonly letters: boolean
}

/** What becomes of the MQTT message that carried a command. */
export type Verdict =
  /** Goes on to subscribers; with `payload` for a native device: JSON with an id. */
  | { readonly kind: 'pass'; readonly payload?: string }
  /** Answered here: a repetition, a mere check, a get from memory. Not forwarded: a native device would carry it out. */
  | { readonly kind: 'answered' }
  /** Answered with `failed`; goes to the dead letters. */
  | { readonly kind: 'refused'; readonly error: GatewayError; readonly id: string }
