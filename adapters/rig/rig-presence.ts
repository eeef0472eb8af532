/** Whether a rig is there, without any heart-beat in its protocol: its state, `link` and `last_seen`; told when it changes, and not again. */
import type { Exact, Host, Watch } from '../../gateway/adapter.js'
import { RarelyEach } from '../common/rarely.js'

export type LinkState = 'online' | 'silent' | 'error'

/** Seconds from one `last_seen` to the next, however much is heard. */
const seenEvery = 1

/** Seconds after which a connection counts as sound: one that is taken and closed again, for ever, must not fill the log. */
const soundAfter = 10

/** Seconds between two lines of the log about the same kind of trouble, for what is well and not well in turns. */
const toldEvery = 60

/** For the log. */
const words = {
  silent: 'the rig is silent',
  lost: 'the rig cannot be reached',
  doubt: 'the rig does not do what it should'
} as const

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
  /** Kinds of trouble that are in the log since all was well. */
  readonly #logged = new Set<keyof typeof words>()
  readonly #rarely: RarelyEach<keyof typeof words>
  #sound: Watch | undefined
  #seen: Watch | undefined
  #isSeen = false
  /** Unix seconds. */
  #lastSeen = 0

  constructor(options: PresenceOptions) {
    this.#options = options
    this.#rarely = new RarelyEach(options.host.clock, toldEvery)
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
    this.#sound?.cancel()
  }

  /** Something came from it. */
  heard(): void {
    const { host, where } = this.#options
    if (this.#link !== 'online') {
      this.#say('online', `${where} is heard`)
      this.#show('online')
      this.#well()
    }
    this.#lastSeen = host.clock.now()
    if (this.#seen === undefined) this.#publishSeen()
    else this.#isSeen = true
  }

  /** A connection was made; nothing was said yet. */
  connected(): void {
    const { host, where } = this.#options
    this.#say('online', `connected to ${where}`)
    this.#show('online')
    this.#sound?.cancel()
    this.#sound = host.clock.after(soundAfter, () => this.#well())
  }

  /** It did all that it was asked. */
  proved(): void {
    if (this.#state === 'degraded') this.#say('online', `${this.#options.where} answers`)
    this.#well()
  }

  /** It is there, but does not do what it should. */
  doubt(reason: string): void {
    this.#say('degraded', reason)
    this.#warn('doubt', reason)
  }

  /** It does not echo. */
  silent(reason: string): void {
    this.#leave('silent', reason)
    this.#warn('silent', reason)
  }

  /** Nobody is there. */
  lost(reason: string): void {
    this.#leave('error', reason)
    this.#warn('lost', reason)
  }

  #leave(link: LinkState, reason: string): void {
    this.#sound?.cancel()
    // All readings of a device that is offline are stale then; this one is not.
    if (this.#say('offline', reason)) this.#link = undefined
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

  /** False: it was said already. */
  #say(state: 'online' | 'degraded' | 'offline', reason: string): boolean {
    if (this.#state === state && this.#reason === reason) return false
    this.#state = state
    this.#reason = reason
    this.#options.host.report(state, reason, this.#options.device)
    return true
  }

  #warn(kind: keyof typeof words, reason: string): void {
    if (this.#logged.has(kind) || this.#rarely.pass(kind) === undefined) return
    this.#logged.add(kind)
    this.#options.host.log.warn({ rig: this.#options.name, reason }, words[kind])
  }

  /** What was said in the log is over. */
  #well(): void {
    const { host, name, where } = this.#options
    if (this.#logged.size > 0) host.log.info({ rig: name, target: where }, 'the rig is there, and does what it is asked')
    this.#logged.clear()
  }
}
