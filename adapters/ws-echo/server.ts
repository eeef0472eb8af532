/** Takes the place of the worksheet's echo server: its clients get their words back at once, and everything is seen on MQTT. */
import type { WebSocket } from 'ws'
import type { Adapter, AdapterType, Endpoint, Host, Latest, Watch } from '../../gateway/adapter.js'
import { Allowance } from '../common/allowance.js'
import { Rarely } from '../common/rarely.js'
import { refOf } from '../common/ref.js'
import { Sources } from '../common/sources.js'
import { mayLook } from '../common/web-origin.js'
import { Bridge } from './bridge.js'
import { encodeError, encodeJoin, encodePayload, encodeValue, isSameId } from './codec.js'
import type { Said, Wrong } from './codec.js'
import schema from './config.schema.json' with { type: 'json' }
import { Connection } from './connection.js'
import type { Cut } from './connection.js'
import { newId } from './ids.js'
import { KeepAlive } from './keep-alive.js'
import { WsListener } from './listener.js'
import type { Refused } from './listener.js'
import { Readings } from './readings.js'
import { serverPlan } from './server-plan.js'
import type { WsEchoServerConfig } from './types.js'

export const wsEchoServer: AdapterType<WsEchoServerConfig> = {
  type: 'ws-echo-server',
  configSchema: schema.$defs['ws-echo-server'],
  plan: serverPlan,
  create: (config, host) => new WsEchoServer(config, host)
}

/** Messages of no use in a row; then the client is closed with 1008 (W4). People who type JSON by hand need a few. */
const maxWrong = 30

/** Pings and pongs a second of one client, on average over {@link controlsOver}. */
const maxControls = 50
const controlsOver = 20

/** Seconds between two lines of the log about the same trouble. */
const toldEvery = 10

class WsEchoServer implements Adapter {
  readonly #config: WsEchoServerConfig
  readonly #host: Host
  readonly #listener: WsListener
  readonly #sources: Sources
  readonly #readings: Readings
  readonly #bridge: Bridge | undefined
  readonly #keepAlive: KeepAlive<Connection> | undefined
  /** Of each connection its own: what one does is never counted against another. */
  readonly #controls = new WeakMap<Connection, Allowance>()
  readonly #connections = new Map<bigint, Connection>()
  readonly #trouble: { readonly refused: Rarely; readonly cut: Rarely; readonly push: Rarely }
  #push: Watch | undefined
  #isStopping = false
  #hasTold = false
  #lastActivity = 0

  constructor(config: WsEchoServerConfig, host: Host) {
    const { device, call, answerWithin, maxMessage, maxRate, keepAlive, mode, readOnly } = config
    const { clock } = host
    this.#config = config
    this.#host = host
    this.#readings = new Readings({ host, device, maxRate, readOnly })
    this.#sources = new Sources({ config, host })
    this.#trouble = { refused: new Rarely(clock, toldEvery), cut: new Rarely(clock, toldEvery), push: new Rarely(clock, toldEvery) }
    if (mode === 'bridge' && call !== undefined) this.#bridge = new Bridge({ host, call: refOf(call), answerWithin, maxMessage })
    if (keepAlive !== null)
      this.#keepAlive = new KeepAlive({
        clock,
        every: keepAlive,
        ask: (connection) => connection.ping(),
        lost: (connection) => connection.close('silent', 1011, 'keepalive ping timeout')
      })
    this.#listener = this.#listen()
  }

  async start(signal: AbortSignal): Promise<void> {
    const { host, push } = this.#config
    this.#isStopping = false
    this.#lastActivity = this.#host.clock.now()
    await this.#listener.open(signal)
    const { port, missing } = this.#listener
    this.#host.log.info({ protocol: 'tcp', host, port, type: 'ws-echo' }, `a WebSocket echo server on tcp ${host}:${port}`)
    if (missing !== undefined && !this.#hasTold) {
      this.#hasTold = true
      this.#host.log.warn({ reason: missing }, 'this machine has no IPv6: only clients that take localhost for 127.0.0.1 find the server')
    }
    if (push !== null) this.#push = this.#host.watch(refOf(push), (reading) => this.#pushed(reading))
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#push?.cancel()
    this.#push = undefined
    for (const connection of this.#connections.values()) connection.leave()
    await this.#listener.close()
  }

  endpoint(): Endpoint {
    const { host, port, id: name } = this.#config
    return { protocol: 'tcp', host, port: this.#listener.port ?? port, name, type: 'ws-echo', lastActivity: this.#lastActivity }
  }

  /** The server speaks first (section 1.2). */
  #join(socket: WebSocket, address: string): void {
    const { clock } = this.#host
    const connection = new Connection({
      socket,
      id: newId(this.#config.ids, this.#connections),
      address,
      clock,
      maxMessage: this.#config.maxMessage,
      onMessage: (from, message) => this.#message(from, message),
      onControl: (from, kind) => this.#control(from, kind),
      onCut: (from, why) => this.#cut(from, why),
      onGone: (from) => this.#gone(from)
    })
    this.#connections.set(connection.id, connection)
    this.#lastActivity = clock.now()
    connection.send(encodeJoin(connection.id))
    this.#keepAlive?.add(connection)
    this.#readings.presence(connection, 'join', this.#connections.size)
  }

  #message(connection: Connection, message: Said | Wrong): void {
    const { strict, maxMessage } = this.#config
    this.#host.count('received')
    this.#lastActivity = this.#host.clock.now()
    if (!this.#sources.mayAsk(connection.address))
      return this.#say(connection, encodeError('RateLimited', 'too many messages of this address (maxSourceRate)'))
    if (message.kind === 'wrong') return this.#wrong(connection, message.reason)
    const { source, payload, clientId } = message
    const idMatch = isSameId(clientId, connection.id)
    if (strict && !idMatch) return this.#wrong(connection, 'client_id is not the integer that you were given')
    connection.wrong = 0
    if (this.#bridge !== undefined) this.#bridge.call(connection, payload, source.length)
    else if (connection.send(encodePayload(source, maxMessage))) this.#host.count('answered')
    this.#readings.message(connection, payload, source, idMatch)
  }

  /** Answered without a payload; the connection stays, but not for ever (W4). */
  #wrong(connection: Connection, reason: string): void {
    this.#host.count('refused')
    connection.wrong += 1
    if (connection.wrong > maxWrong) return connection.close('wrong', 1008, 'too many messages that are of no use')
    this.#say(connection, encodeError('BadPayload', reason))
  }

  #say(connection: Connection, text: string): void {
    if (this.#bridge === undefined) connection.send(text)
    else this.#bridge.say(connection, text)
  }

  #control(connection: Connection, kind: 'ping' | 'pong'): void {
    if (kind === 'pong') this.#keepAlive?.heard(connection)
    let controls = this.#controls.get(connection)
    if (controls === undefined) {
      controls = new Allowance({ clock: this.#host.clock, rate: maxControls, over: controlsOver })
      this.#controls.set(connection, controls)
    }
    if (!controls.has('')) return connection.close('many', 1008, 'too many pings')
    controls.spend('', 1)
  }

  #gone(connection: Connection): void {
    if (!this.#connections.delete(connection.id)) return
    this.#keepAlive?.remove(connection)
    this.#bridge?.forget(connection)
    if (!this.#isStopping) this.#readings.presence(connection, 'leave', this.#connections.size)
  }

  /** Only what is fresh: a bare value cannot say that it is old. */
  #pushed({ value, quality, old }: Latest): void {
    const { maxMessage, push } = this.#config
    const text = old || quality === 'bad' || quality === 'stale' ? undefined : encodeValue(value, maxMessage)
    if (text === undefined || Buffer.byteLength(text) > maxMessage) {
      this.#host.count('dropped')
      this.#warn(
        this.#trouble.push,
        { push },
        'a reading was not pushed to the clients: it is old, not a number, or longer than maxMessage'
      )
      return
    }
    for (const connection of this.#connections.values()) if (connection.send(text)) this.#host.count('answered')
  }

  #cut({ address, name }: Connection, why: Cut): void {
    this.#host.count(why === 'slow' || why === 'silent' ? 'dropped' : 'refused')
    this.#warn(this.#trouble.cut, { address, client: name }, `a client was disconnected: ${reasons[why]}`)
  }

  #listen(): WsListener {
    const { host, port, maxConnections, maxMessage, origins, mode, push } = this.#config
    const isOpen = mode === 'echo' && push === null
    return new WsListener({
      host,
      port,
      maxConnections,
      maxMessage,
      sources: this.#sources,
      // Pages of a class come from anywhere, also from files; an echo tells and moves nothing. Section 1.1.
      mayEnter: (headers, local) => isOpen || mayLook(headers, origins, local),
      onWebSocket: (socket, address) => this.#join(socket, address),
      onRefused: (why, who) => this.#refused(why, who),
      onError: (error) => {
        this.#host.count('dropped')
        this.#warn(this.#trouble.refused, { reason: error.message }, 'a connection could not be taken')
      }
    })
  }

  #refused(why: Refused, who: string): void {
    this.#host.count('refused')
    this.#warn(this.#trouble.refused, { who }, refusals[why])
  }

  #warn(told: Rarely, fields: object, message: string): void {
    const alike = told.pass()
    if (alike !== undefined) this.#host.log.warn({ ...fields, ...(alike > 0 ? { alike } : {}) }, message)
  }
}

const reasons: Readonly<Record<Cut, string>> = {
  slow: 'it does not read what it is sent',
  silent: 'it does not answer a ping (keepAlive)',
  wrong: `more than ${maxWrong} of its messages in a row were of no use`,
  many: 'it sends too many pings',
  broken: 'what it sent is no WebSocket, or longer than maxMessage'
}

const refusals: Readonly<Record<Refused, string>> = {
  connections: 'a client was sent away: maxConnections are open already, or half as many from its address',
  origin: 'a web page of another server was sent away: list its server under origins if it may connect',
  bad: 'somebody was sent away who did not ask for a WebSocket'
}
