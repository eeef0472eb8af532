/**
 * Why a message was not confirmed. `echo-timeout`: nothing came that could be its echo; `echo-mismatch`: something did, but other bytes;
 * `no-listener`: no program has the port there; `offline`: the connection is gone; `too-large`, `busy`: not sent; `closed`: nobody wants it
 * any more.
 */
export type TroubleKind = 'echo-timeout' | 'echo-mismatch' | 'no-listener' | 'offline' | 'too-large' | 'busy' | 'closed'

export class Trouble extends Error {
  override readonly name = 'Trouble'
  readonly kind: TroubleKind
  /** It was sent, and an echo is all that is missing: what it says may be done. */
  readonly maybeExecuted: boolean

  constructor(kind: TroubleKind, message: string, maybeExecuted: boolean) {
    super(message)
    this.kind = kind
    this.maybeExecuted = maybeExecuted
  }
}
