/**
 * What the design keeps a gateway from being told or from doing, though a Python program could: recorded cases that need it are
 * skipped by name, with the reason. The one place for both, the names and the error.
 */
export const unreachable: ReadonlyMap<string, string> = new Map([
  ['cn-timeouts-long', 'time-outs are a maxAge at each codename, not a list beside them that could be longer'],
  ['cn-push-callback-not-callable', 'a callback is the name of a call in the configuration, never a value'],
  ['cn-push-queue-unwanted', 'the queue belongs to the socket; nobody can hand one in'],
  ['dx-json-unable', 'every value of the gateway has a JSON form, so no call can return a set'],
  ['pv-string-point', 'a reading has a time and a value; a text is not a point'],
  ['pv-one', 'a reading has a time and a value; there is no point of one item'],
  ['pv-empty', 'a reading has a time and a value; there is no empty point']
])

/** A Python program could ask for this, a configuration or an adapter cannot. Its like, in other files, is skipped for this reason. */
export class Unreachable extends Error {
  /** What the original raises, where it refuses this itself: the control process answers that. */
  readonly original: PythonError | undefined

  constructor(reason: string, original?: PythonError) {
    super(reason)
    this.original = original
  }
}

/** An error as the original raises it; `ValueError: text` on the control port and in the recordings. */
export class PythonError extends Error {
  readonly type: string

  constructor(type: string, message: string) {
    super(message)
    this.type = type
  }

  override toString(): string {
    return `${this.type}: ${this.message}`
  }
}
