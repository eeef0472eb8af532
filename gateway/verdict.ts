import type { GatewayError } from './errors.js'

/** What becomes of the MQTT message that carried a command. */
export type Verdict =
  /** Goes on to subscribers; with `payload` for a native device: JSON with an id. */
  | { readonly kind: 'pass'; readonly payload?: string }
  /** Answered here: a repetition, a mere check, a get from memory. Not forwarded: a native device would carry it out. */
  | { readonly kind: 'answered' }
  /** Answered with `failed`; goes to the dead letters. */
  | { readonly kind: 'refused'; readonly error: GatewayError; readonly id: string }
