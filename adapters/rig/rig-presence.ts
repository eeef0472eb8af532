/** Whether a rig is there, without any heart-beat in its protocol: its state, `link` and `last_seen`; told when it changes, and each trouble once. */
import type { Exact, Host, Watch } from '../../gateway/adapter.js'

export type LinkState = 'online' | 'silent' | 'error'

/** Seconds from one `last_seen` to the next, however much is heard. */
const seenEvery = 1

/** Different troubles of one bad time that get into the log. */
const maxLogged = 5

export interface PresenceOptions {
  readonly host: Host
  readonly name: string
  readonly device: string
  /** Its URI. */
  readonly where: string
  /** A connection shows by itself whether somebody is there. */
  readonly hasConnection: boolean
  /** Must not reject. */
  readonly publish: (codename: string, value: Exact) => void
}

export class RigPresence {
  readonly #options: PresenceOptions
  #link: LinkState | undefined
  #state: 'online' | 'degraded' | 'offline' | undefined
  #reason = ''
  /** Troubles that are in the log since all was well. */
  readonly #logged = new Set<string>()
  #seen: Watch | undefined
  #isSeen = false
  /** Unix seconds. */
  #lastSeen = 0

  constructor(options: PresenceOptions) {
    this.#options = options
  }

  start(): void {
    const { where, hasConnection } = this.#options
    this.#link = undefined
    this.#state = undefined
    this.#logged.clear()
    if (hasConnection) return this.#leave('silent', `no connection to ${where} yet`)
    this.#say('degraded', `nothing heard from ${where} yet; whether it is there shows when it is asked`)
    this.#show('silent')
  }

  stop(): void {
    this.#seen?.cancel()
    this.#seen = undefined
  }

  /** Something came from it. */
  heard(): void {
    const { host, name, where } = this.#options
    const before = this.#state
    if (this.#link !== 'online') {
      this.#say('online', `${where} is heard`)
      this.#show('online')
      if (before === 'offline' && this.#logged.size > 0) host.log.info({ rig: name, target: where }, 'the rig is there again')
      this.#logged.clear()
    }
    this.#lastSeen = host.clock.now()
    if (this.#seen === undefined) this.#publishSeen()
    else this.#isSeen = true
  }

  /** A connection was made; nothing was said yet. */
  connected(): void {
    const { host, name, where } = this.#options
    this.#say('online', `connected to ${where}`)
    this.#show('online')
    if (this.#logged.size > 0) host.log.info({ rig: name, target: where }, 'the rig takes connections again')
    this.#logged.clear()
  }

  /** It did all that it was asked. */
  proved(): void {
    if (this.#state === 'degraded') this.#say('online', `${this.#options.where} answers`)
    this.#logged.clear()
  }

  /** It is there, but does not do what it should. */
  doubt(reason: string): void {
    this.#say('degraded', reason)
    this.#warn(reason, 'the rig does not do what it should')
  }

  /** It does not echo. */
  silent(reason: string): void {
    this.#leave('silent', reason)
    this.#warn(reason, 'the rig is silent')
  }

  /** Nobody is there. */
  lost(reason: string): void {
    this.#leave('error', reason)
    this.#warn(reason, 'the rig cannot be reached')
  }

  #leave(link: LinkState, reason: string): void {
    this.#say('offline', reason)
    // All readings of a device that is offline are stale then; this one is not.
    this.#link = undefined
    this.#show(link)
  }

  #publishSeen(): void {
    const { host, publish } = this.#options
    this.#isSeen = false
    publish('last_seen', new Date(this.#lastSeen * 1000).toISOString())
    this.#seen = host.clock.after(seenEvery, () => {
      this.#seen = undefined
      if (this.#isSeen) this.#publishSeen()
    })
  }

  #show(link: LinkState): void {
    if (this.#link === link) return
    this.#link = link
    this.#options.publish('link', link)
  }

  #say(state: 'online' | 'degraded' | 'offline', reason: string): void {
    if (this.#state === state && this.#reason === reason) return
    this.#state = state
    this.#reason = reason
    this.#options.host.report(state, reason, this.#options.device)
  }

  #warn(reason: string, message: string): void {
    if (this.#logged.has(reason) || this.#logged.size >= maxLogged) return
    this.#logged.add(reason)
    this.#options.host.log.warn({ rig: this.#options.name, reason }, message)
  }
}
