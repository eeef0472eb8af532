/**
 * Answers that are there already, in the shape of a promise.
 *
 * Aedes numbers a packet (`brokerCounter`), asks the store as `.then(ok, fail)`, and only then hands the packet to `mq.emit`.
 * With a native promise `ok` runs a microtask later, so a packet numbered after this one, which needs no store, is emitted first;
 * and `dedupe` in aedes/lib/client.js drops every packet whose number is lower than the last one it saw. Hence: `ok` runs inside
 * `then()`, and packets reach `mq.emit` in the order in which they were numbered (moscajs/aedes #955, #994).
 */

type Ok<T, A> = ((value: T) => A | PromiseLike<A>) | null | undefined
type Fail<B> = ((reason: unknown) => B | PromiseLike<B>) | null | undefined

abstract class Settled<T> implements Promise<T> {
  readonly [Symbol.toStringTag] = 'Promise'

  // oxlint-disable-next-line unicorn/no-thenable -- being a thenable is what this class is for
  abstract then<A = T, B = never>(ok?: Ok<T, A>, fail?: Fail<B>): Promise<A | B>

  catch<B = never>(fail?: Fail<B>): Promise<T | B> {
    return this.then(undefined, fail)
  }

  finally(run?: (() => void) | null): Promise<T> {
    return run ? call<void, void>(run, undefined).then(() => this as Promise<T>) : this
  }
}

class Done<T> extends Settled<T> {
  readonly #value: T

  constructor(value: T) {
    super()
    this.#value = value
  }

  // oxlint-disable-next-line unicorn/no-thenable -- as above
  then<A = T, B = never>(ok?: Ok<T, A>, _fail?: Fail<B>): Promise<A | B> {
    return ok ? call(ok, this.#value) : (this as unknown as Promise<A>)
  }
}

class Failed extends Settled<never> {
  readonly #reason: unknown

  constructor(reason: unknown) {
    super()
    this.#reason = reason
  }

  // oxlint-disable-next-line unicorn/no-thenable -- as above
  then<A = never, B = never>(_ok?: Ok<never, A>, fail?: Fail<B>): Promise<A | B> {
    return fail ? call(fail, this.#reason) : (this as unknown as Promise<A>)
  }
}

/** A callback that throws gives a native rejection, so that a fault nobody handles still reaches `unhandledRejection`. */
function call<T, A>(callback: (value: T) => A | PromiseLike<A>, value: T): Promise<A> {
  try {
    const result = callback(value)
    if (result instanceof Settled) return result as Promise<A>
    return isThenable(result) ? Promise.resolve(result) : new Done(result)
  } catch (error) {
    return Promise.reject(error)
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

const nothing = new Done<void>(undefined)

/** Kept: `then(ok)` runs `ok` at once. */
export function done(): Promise<void>
export function done<T>(value: T): Promise<T>
export function done<T>(value?: T): Promise<T | void> {
  return value === undefined ? nothing : new Done(value)
}

/** Refused: `then(ok, fail)` runs `fail` at once. Unlike a native rejection it is silent when nobody asks. */
export function failed(reason: Error): Promise<never> {
  return new Failed(reason)
}

/** Comes when `wait` calls back: `then(ok)` runs `ok` inside that call, so that what `ok` does keeps its place among the other waiters. */
class Later<T> extends Settled<T> {
  readonly #wait: (run: (value: T) => void) => void

  constructor(wait: (run: (value: T) => void) => void) {
    super()
    this.#wait = wait
  }

  // oxlint-disable-next-line unicorn/no-thenable -- as above
  then<A = T, B = never>(ok?: Ok<T, A>, _fail?: Fail<B>): Promise<A | B> {
    return new Promise((resolve) => this.#wait((value) => resolve(ok ? call(ok, value) : (value as unknown as A))))
  }

  override finally(run?: (() => void) | null): Promise<T> {
    return this.then((value) => {
      run?.()
      return value
    })
  }
}

/** Kept once `wait` calls back; nobody is told before. Each `then` calls `wait`. */
export function later<T = void>(wait: (run: (value: T) => void) => void): Promise<T> {
  return new Later(wait)
}
