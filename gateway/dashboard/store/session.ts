/** Who looks at the page, by what the gateway says, and whether it must be told first. */
import { ApiError, api } from '../api.js'

/** `GET /api/me`. */
export interface Me {
  readonly user: string | null
  readonly role: string
  readonly via: string
  /** There are users. */
  readonly login: boolean
  readonly readOnly: boolean
  readonly may: {
    readonly command: 'all' | 'some' | 'none'
    readonly startRuns: boolean
    readonly stopRuns: boolean
    readonly see: readonly string[]
  }
}

/** `needed`: nothing is shown without it. `ended`: it was there; one may log in again, or go on as nobody in particular. */
export type Wanted = 'no' | 'chosen' | 'ended' | 'needed'

export interface SessionOptions {
  /** Somebody is let in: another one than before, or the same again. */
  readonly onIn: (isOther: boolean) => void
  /** Nothing may be shown, until somebody is let in again. */
  readonly onOut: () => void
  readonly onChange: () => void
  readonly ask?: () => Promise<Me>
}

export class Session {
  readonly #options: SessionOptions
  readonly #ask: () => Promise<Me>
  #me: Me | undefined
  #wanted: Wanted = 'no'
  #before: string | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#ask = options.ask ?? (async () => await api.get<Me>('/api/me'))
  }

  /** Undefined: the gateway has not said, or nobody is let in. */
  get me(): Me | undefined {
    return this.#me
  }

  /** Whether the page asks for name and password instead of showing anything. */
  get wanted(): Wanted {
    return this.#wanted
  }

  /** Asks the gateway; never rejects. Without an answer everything stays as it is. */
  async look(): Promise<void> {
    try {
      this.#take(await this.#ask())
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) return
      // Once it is told that it has ended, the cookie is gone: it may be that one can go on without.
      const again = await this.#ask().catch(() => undefined)
      if (again === undefined) this.#out('needed')
      else this.#take(again)
    }
  }

  /** Rejects with the refusal. */
  async login(user: string, password: string): Promise<void> {
    this.#in(await api.post<Me>('/api/login', { user, password }))
  }

  async logout(): Promise<void> {
    // Also where there is no answer: nothing is shown any more.
    await api.post('/api/logout').catch(() => undefined)
    this.#out('ended')
    await this.look()
  }

  /** The form is asked for, though one is let in without. */
  choose(): void {
    this.#out('chosen')
  }

  /** Goes on as nobody in particular. */
  async goOn(): Promise<void> {
    this.#in(await this.#ask())
  }

  #take(me: Me): void {
    const isLeft = me.user === null && this.#me !== undefined && this.#me.user !== null
    if (isLeft) this.#out('ended')
    else if (this.#wanted === 'needed' && me.user === null) this.#out('ended')
    else if (this.#wanted === 'no' || me.user !== null) this.#in(me)
  }

  #in(me: Me): void {
    const [who, isOut] = [JSON.stringify([me.user, me.role]), this.#wanted !== 'no']
    const isOther = who !== this.#before
    this.#before = who
    this.#me = me
    this.#wanted = 'no'
    if (isOut || isOther) this.#options.onIn(isOther)
    this.#options.onChange()
  }

  #out(wanted: Wanted): void {
    const isNews = this.#wanted === 'no'
    this.#wanted = wanted
    this.#me = undefined
    if (isNews) this.#options.onOut()
    this.#options.onChange()
  }
}
