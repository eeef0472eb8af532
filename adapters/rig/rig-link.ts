/** The way to one rig: bytes there, payloads back, over UDP or TCP. */
import type { HostAddressOptions } from '../common/host-address.js'
import type { Payload } from './codec.js'
import type { PeerOptions } from './peer.js'

export interface LinkOptions extends HostAddressOptions {
  readonly port: number
  /** Seconds. */
  readonly echoWithin: number
  /** A rig with a small buffer echoes only so many bytes. */
  readonly maxEchoBytes: number | null
  /** Its numbers are int8. */
  readonly int8: boolean
  /** UDP: our port of the last time; a rig that runs speaks to that. */
  readonly lastPort?: number | undefined
  /** UDP: our port. */
  readonly onPort?: (port: number) => void
  /** Something came that is no confirmation; what must be echoed has been. */
  readonly onPayload: (payload: Payload, bytes: Buffer) => void
  /** Is it the answer that a question of ours waits for? */
  readonly isWanted: (payload: Payload) => boolean
  readonly onCount: PeerOptions['onCount']
  /** A connection was made. */
  readonly onUp: () => void
  /** There is none any more, or a datagram was refused. In words for people. */
  readonly onDown: (reason: string) => void
}

/** A message of ours. */
export interface Sending {
  readonly bytes: Buffer
  /** It leaves now: what came before is no answer to it. */
  readonly onWritten: () => void
}

export interface Link {
  /** Opens, and goes on for ever. */
  open(): void
  /** Resolves when it was echoed. Rejects with a Trouble. One at a time. */
  send(own: Sending): Promise<{ readonly seconds: number }>
  /** This payload was the answer to a question of ours; see Peer. */
  forgive(bytes: Buffer): void
  /** The echo of what was written has not come yet. */
  readonly isAwaiting: boolean
  /** Monotonic seconds. */
  readonly lastHeard: number | undefined
  /** For good. Resolves when nothing is open any more. */
  close(): Promise<void>
}

/** Seconds for a name to be found, and for a connection to be made. */
export const connectWithin = 5
