import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Access, Denied, Login } from '../access/access.js'
import type { Identity, Rights } from '../access/identity.js'
import type { Clock } from '../adapter.js'
import { addressOf } from '../broker/connections.js'
import { pageOf } from '../broker/origin.js'
import type { Devices } from '../devices.js'
import type { Topics } from '../topic.js'
import { certificateName } from '../tls/client-name.js'
import { cookieName, cookieOf, readCookie } from './cookie.js'
import { HttpError } from './problem.js'
import { Sessions } from './sessions.js'
import type { Session } from './sessions.js'
import { Sight } from './sight.js'

/** Who asks over HTTP. */
export interface Asker {
  readonly identity: Identity
  readonly rights: Rights
  readonly sight: Sight
  /** It came by the cookie of a login. */
  readonly session: Session | undefined
}

/** What a request is, for who looks at it before HTTP does. */
export type Request = Pick<IncomingMessage, 'headers' | 'socket'>

export interface AskersOptions {
  readonly access: Access
  readonly clock: Clock
  readonly devices: Devices
  readonly topics: Topics
  /** See Entrance. */
  readonly open: boolean
  /** Name of the gateway: several may be at one address. */
  readonly name: string
  readonly sessionTime: number
  /** Pages besides the gateway's own, see `http.origins`. */
  readonly origins: readonly string[]
}

/** What proxies add to a request. */
const handedOn = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'] as const

/** Something under way that must end with the right to it. */
interface Hold {
  readonly asker: Asker
  readonly end: () => void
}

/** Finds out who asks: by `Authorization: Basic`, by the cookie of a login, by a certificate; else it is nobody in particular. */
export class Askers {
  readonly #options: AskersOptions
  readonly #sessions: Sessions
  readonly #holds = new Set<Hold>()
  readonly #unlisten: () => void

  constructor(options: AskersOptions) {
    const { access, clock, sessionTime } = options
    this.#options = options
    const isCurrent = (identity: Identity): boolean => access.isCurrent(identity)
    this.#sessions = new Sessions({ clock, time: sessionTime, isCurrent, ended: () => this.#cut() })
    this.#unlisten = access.onChange(() => {
      this.#sessions.sweep()
      this.#cut()
    })
  }

  /** Rejects with what is to be answered: 401, 403, 429 or 503. */
  async who(request: Request): Promise<Asker> {
    const { access, origins } = this.#options
    const { headers, socket } = request
    // Without users nothing can be said by these: a proxy before the gateway may have users of its own.
    if (access.hasUsers) {
      if (headers.authorization !== undefined) return this.#asker(await this.#basic(headers.authorization, request))
      const secret = readCookie(headers.cookie, this.#cookie(request))
      if (secret !== undefined) {
        // A page of another program on this computer counts as the same site, and would act in the name of who is logged in here.
        if (!pageOf(headers, origins)) {
          this.refused('origin', request)
          throw foreign()
        }
        const session = this.#sessions.find(secret)
        // Once: so that nobody goes on with other rights without having been told.
        if (session === undefined) {
          this.refused('ended', request)
          throw new HttpError('Forbidden', 'the login has ended: log in again', {
            status: 401,
            rule: 'login',
            headers: { ...challenge(headers), 'set-cookie': this.#set(request, '', 0) }
          })
        }
        return this.#asker(session.identity, session)
      }
    }
    const name = certificateName(socket)
    return this.#asker(this.#expect(name === undefined ? access.anonymous(this.isOpen(request)) : access.certificate(name), request))
  }

  /** Who a WebSocket is opened for; undefined: whoever its CONNECT says. */
  async bearer(request: Request): Promise<Asker | undefined> {
    return this.#isTold(request) ? await this.who(request) : undefined
  }

  /** The same of who need not be let in: undefined is nobody, and no refusal. */
  async perhaps(request: Request): Promise<Asker | undefined> {
    const mayBeAnonymous = this.isOpen(request) && this.#options.access.letsAnonymousIn
    if (!this.#isTold(request) && certificateName(request.socket) === undefined && !mayBeAnonymous) return undefined
    return await this.who(request).catch(() => undefined)
  }

  /** Begins a session; the one that the browser had ends. Returns its cookie. */
  async login(name: string, password: string, request: Request): Promise<{ readonly asker: Asker; readonly cookie: string }> {
    const identity = await this.#login(name, password, request)
    this.logout(request)
    const secret = this.#sessions.open(identity)
    return { asker: this.#asker(identity, this.#sessions.find(secret)), cookie: this.#set(request, secret, this.#options.sessionTime) }
  }

  /** Ends the session, with all that is open in it. Returns what takes the cookie away. */
  logout(request: Request): string {
    const secret = readCookie(request.headers.cookie, this.#cookie(request))
    if (secret !== undefined) this.#sessions.close(secret)
    return this.#set(request, '', 0)
  }

  /** Calls `end` once the login of the asker has ended, or its user has changed. Returns what takes that back. */
  hold(asker: Asker, end: () => void): () => void {
    const hold = { asker, end }
    this.#holds.add(hold)
    return () => void this.#holds.delete(hold)
  }

  /** Somebody was turned away before it was asked who he is: counted, and told with restraint. */
  refused(why: 'host' | 'origin' | 'ended' | 'scheme', { socket }: Request): void {
    this.#options.access.refused(why, { listener: 'http', address: addressOf(socket) })
  }

  stop(): void {
    this.#unlisten()
    this.#holds.clear()
    this.#sessions.stop()
  }

  #isTold(request: Request): boolean {
    const { authorization, cookie } = request.headers
    return this.#options.access.hasUsers && (authorization !== undefined || readCookie(cookie, this.#cookie(request)) !== undefined)
  }

  /** What a proxy hands on comes from its computer, whoever asks: who that is must then be said. */
  isOpen({ headers }: Request): boolean {
    const { open, access } = this.#options
    return open && !(access.hasUsers && handedOn.some((name) => headers[name] !== undefined))
  }

  #cut(): void {
    for (const hold of this.#holds) {
      const { session, identity } = hold.asker
      if (session?.over !== true && this.#options.access.isCurrent(identity)) continue
      this.#holds.delete(hold)
      hold.end()
    }
  }

  #asker(identity: Identity, session?: Session): Asker {
    const rights = this.#options.access.rights(identity)
    return { identity, rights, sight: new Sight(rights, this.#options), session }
  }

  #expect(login: Login, { headers, socket }: Request, user?: string): Identity {
    if (login.ok) return login.identity
    const { access } = this.#options
    access.refused(login.why, { listener: 'http', address: addressOf(socket), user })
    throw refusal(login.why, login.retryAfter, headers, access.hasUsers)
  }

  async #basic(given: string, request: Request): Promise<Identity> {
    const [, code = ''] = /^basic +([\w+/=-]+) *$/i.exec(given) ?? []
    const text = Buffer.from(code, 'base64').toString('utf8')
    const at = text.indexOf(':')
    if (at < 0) {
      this.refused('scheme', request)
      throw new HttpError('Forbidden', 'of Authorization only Basic is understood', {
        status: 401,
        rule: 'login',
        headers: challenge(request.headers)
      })
    }
    return await this.#login(text.slice(0, at), text.slice(at + 1), request)
  }

  async #login(name: string, password: string, request: Request): Promise<Identity> {
    const { access } = this.#options
    return this.#expect(await access.login(name, password, addressOf(request.socket)), request, name)
  }

  #cookie({ socket }: Request): string {
    return cookieName(this.#options.name, socket.localPort ?? 0, isSecure(socket))
  }

  #set(request: Request, secret: string, seconds: number): string {
    return cookieOf(this.#cookie(request), secret, seconds, isSecure(request.socket))
  }
}

const texts: Readonly<Record<Denied, string>> = {
  password: 'the name or the password is wrong',
  throttled: 'too many wrong passwords came from this address',
  busy: 'too many logins are being checked',
  certificate: 'the certificate names no user',
  anonymous: 'log in: who does not say who he is may not come in here'
}

function refusal(why: Denied, retryAfter: number | undefined, headers: IncomingHttpHeaders, hasUsers: boolean): HttpError {
  if (why === 'throttled' || why === 'busy') {
    const wait = Math.max(1, Math.ceil(retryAfter ?? 1))
    const [status, detail] = [why === 'busy' ? 503 : 429, `${texts[why]}: try again in ${wait} s`]
    return new HttpError('RateLimited', detail, { status, rule: 'login', headers: { 'retry-after': String(wait) } })
  }
  const hint = hasUsers ? '' : ' (there are no users: see access.users of the configuration)'
  return new HttpError('Forbidden', texts[why] + hint, { status: 401, rule: 'login', headers: challenge(headers) })
}

/** A browser that is asked for Basic shows a form of its own, keeps the password, and never forgets it. */
function challenge(headers: IncomingHttpHeaders): Record<string, string> {
  const isBrowser = headers['sec-fetch-mode'] !== undefined || headers['user-agent']?.startsWith('Mozilla/') === true
  return { 'www-authenticate': isBrowser ? 'Cookie realm="labgate"' : 'Basic realm="labgate", charset="UTF-8"' }
}

function foreign(): HttpError {
  return new HttpError(
    'Forbidden',
    'a login counts only for pages of the gateway itself; list the address of this one under http.origins if it should',
    { rule: 'origin' }
  )
}

function isSecure(socket: Request['socket']): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true
}
