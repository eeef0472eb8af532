/** Takes part in experiments as a rig: experiment PCs drive it, and get every byte back before anything else happens. */
import type { Socket } from 'node:net'
import type { Adapter, AdapterType, Command, Endpoint, Exact, Host } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { isExactMap } from '../common/exact-json.js'
import { RarelyEach } from '../common/rarely.js'
import { plainAddress } from '../common/listening.js'
import { Sources } from '../common/sources.js'
import { Conduct } from './conduct.js'
import schema from './config.schema.json' with { type: 'json' }
import { Controller } from './controller.js'
import type { Transport } from './controller.js'
import { Controllers } from './controllers.js'
import { isEventName, readStatus } from './events.js'
import { isRef } from './exp-ref.js'
import type { Counted } from './peer.js'
import { RigPorts } from './rig-ports.js'
import { broughtBy, serverPlan } from './server-plan.js'
import { TcpConnection } from './tcp-connection.js'
import type { Cut } from './tcp-connection.js'
import { Trouble } from './trouble.js'
import type { RigServerConfig } from './types.js'

export const rigServer: AdapterType<RigServerConfig> = {
  type: 'rig-server',
  configSchema: schema.$defs['rig-server'],
  plan: serverPlan,
  create: (config, host) => new RigServer(config, host)
}

/** Seconds of silence after which a controller over UDP is forgotten: in a session, where nothing is said for hours, and outside of one. */
const silentFor = { inSession: 24 * 3600, else: 900 }

/** TCP connections besides: they are looked at before the least certain one makes room. */
const spare = 16

/** Seconds between two lines of the log about the same trouble. */
const toldEvery = 30

class RigServer implements Adapter {
  readonly #config: RigServerConfig
  readonly #host: Host
  readonly #ports: RigPorts
  readonly #sources: Sources
  readonly #controllers: Controllers
  readonly #conduct: Conduct
  readonly #trouble: RarelyEach<string>
  #lastActivity = 0
  #isOpen = false

  constructor(config: RigServerConfig, host: Host) {
    this.#config = config
    this.#host = host
    this.#sources = new Sources({ config, host })
    this.#trouble = new RarelyEach(host.clock, toldEvery)
    this.#controllers = new Controllers({
      clock: host.clock,
      max: config.maxControllers,
      idleAfter: () => (this.#conduct.self.isInSession ? silentFor.inSession : silentFor.else),
      onChange: () => this.#conduct.changed(),
      onEvicted: (controller) => this.#evicted(controller)
    })
    this.#conduct = new Conduct({ config, host, controllers: this.#controllers })
    this.#ports = this.#portsOf(config)
  }

  async start(signal: AbortSignal): Promise<void> {
    const { host, port: wanted, device, transports } = this.#config
    this.#lastActivity = this.#host.clock.now()
    await this.#ports.open(signal)
    this.#isOpen = true
    for (const [codename, meta] of broughtBy(this.#config).codenames)
      if (!this.#host.codenames(device).declared.includes(codename)) this.#host.describe(device, codename, meta)
    this.#conduct.start()
    const port = this.#ports.port ?? wanted
    this.#host.log.info(
      { protocol: transports.join(' and '), host, port, type: 'rig' },
      `a rig on ${transports.join(' and ')} ${host}:${port}`
    )
  }

  async stop(): Promise<void> {
    this.#isOpen = false
    this.#conduct.stop()
    this.#controllers.clear(new Trouble('closed', 'the gateway is stopping', true))
    await this.#ports.close()
  }

  execute({ device, codename, op, value }: Command): Promise<Exact> {
    if (device === this.#config.device) {
      if (codename === 'push' && op === 'call') return this.#push(value)
      if (codename === 'status' && this.#config.status === null) return settled(() => this.#status(op, value))
      if (codename === 'exp_ref' && this.#config.expRef === null) return settled(() => this.#ref(op, value))
    }
    return Promise.reject(new GatewayError('UnknownCodename', `${this.#config.id} does not carry out ${op} of ${device}/${codename}`))
  }

  endpoint(): Endpoint {
    const { host, port, id: name, transports } = this.#config
    return { protocol: transports[0], host, port: this.#ports.port ?? port, name, type: 'rig', lastActivity: this.#lastActivity }
  }

  async #push(value: Exact): Promise<Exact> {
    const event = isExactMap(value) ? value.get('event') : undefined
    if (!isExactMap(value) || typeof event !== 'string' || !isEventName(event) || event === 'ALYX')
      throw new GatewayError('BadPayload', 'event is EXPINIT, EXPSTART, EXPEND, EXPCLEANUP, EXPINTERRUPT, EXPSTATUS or EXPINFO')
    return await this.#conduct.push(event, value.get('data'))
  }

  #status(op: Command['op'], value: Exact): Exact {
    if (op === 'get') return this.#conduct.self.known.status ?? null
    const status = readStatus(value)
    if (op !== 'set' || status === undefined) throw new GatewayError('RangeError', 'status is CONNECTED, INITIALIZED, RUNNING or STOPPED')
    this.#conduct.self.setStatus(status)
    return status
  }

  #ref(op: Command['op'], value: Exact): Exact {
    if (op === 'get') return this.#conduct.self.known.ref ?? ''
    const isNone = value === '' || value === null
    if (op !== 'set' || (!isNone && (typeof value !== 'string' || !isRef(value))))
      throw new GatewayError('RangeError', 'an experiment reference has the form yyyy-mm-dd_n_subject; empty: none', { rule: 'pattern' })
    this.#conduct.self.setRef(isNone ? null : (value as string))
    return value
  }

  #portsOf({ host, port, transports, maxControllers }: RigServerConfig): RigPorts {
    return new RigPorts({
      host,
      port,
      transports,
      maxConnections: maxControllers + spare,
      sources: this.#sources,
      onDatagram: (datagram, answer, sender) => this.#datagram(datagram, answer, sender),
      onConnection: (socket) => this.#connection(socket),
      onRefused: (who) => this.#full('tcp', who),
      onBroken: (error) => this.#host.failed(error),
      onLost: (error) => {
        this.#host.count('dropped')
        this.#warn('lost', { reason: error.message }, 'something could not be sent to a controller, or its connection not be taken')
      }
    })
  }

  #datagram(datagram: Buffer, answer: (bytes: Buffer) => void, sender: string): void {
    if (!this.#isOpen) return
    this.#heard()
    let controller = this.#controllers.find('udp', sender)
    if (controller === undefined) {
      if (!this.#controllers.makeRoom('udp')) return this.#full('udp', sender)
      controller = this.#join('udp', sender, answer, () => {})
    } else this.#controllers.touch(controller)
    controller.peer.receive(datagram)
  }

  #connection(socket: Socket): void {
    if (!this.#isOpen) return void socket.destroy()
    if (!this.#controllers.makeRoom('tcp')) {
      this.#full('tcp', socket.remoteAddress ?? '')
      return void socket.destroy()
    }
    const address = plainAddress(socket.remoteAddress)
    const connection: TcpConnection = new TcpConnection({
      socket,
      clock: this.#host.clock,
      awaited: () => controller.peer.awaited,
      onPayload: (payload) => {
        if (!this.#sources.mayAsk(address)) return
        this.#heard()
        this.#controllers.touch(controller)
        controller.peer.receive(payload)
      },
      onCut: (why) => this.#cut(controller, why),
      onGone: () => this.#controllers.remove(controller, new Trouble('offline', 'it closed its connection', true))
    })
    const controller = this.#join(
      'tcp',
      connection.name,
      (bytes) => connection.write(bytes),
      () => connection.close()
    )
  }

  #join(transport: Transport, name: string, write: (bytes: Buffer) => void, hangUp: () => void): Controller {
    const { maxEchoBytes } = this.#config
    const controller = new Controller({
      transport,
      name,
      clock: this.#host.clock,
      maxEchoBytes,
      write,
      hangUp,
      onPayload: (from, payload, bytes) => this.#conduct.take(from, payload, bytes),
      onCount: (from, what) => this.#count(from, what)
    })
    this.#controllers.add(controller)
    return controller
  }

  #heard(): void {
    this.#host.count('received')
    this.#lastActivity = this.#host.clock.now()
  }

  #count({ name: controller, transport }: Controller, what: Counted): void {
    if (what === 'odd') return this.#host.count('refused')
    if (what === 'echoed' || what === 'mismatch') return
    this.#host.count('dropped')
    if (what === 'braked')
      this.#warn(
        what,
        { controller, transport },
        'the same bytes come again and again from a controller, and are echoed no more: its network doubles datagrams, or it echoes echoes'
      )
  }

  #cut({ name: controller }: Controller, why: Cut): void {
    this.#host.count('dropped')
    this.#warn(`cut ${why}`, { controller }, `a controller was disconnected: ${reasons[why]}`)
  }

  #evicted({ name: controller, transport, hasSpoken, isBusy }: Controller): void {
    if (!hasSpoken && !isBusy) return
    this.#host.count('dropped')
    this.#warn(
      `evicted ${transport}`,
      { controller, transport },
      'a controller is forgotten for another one: raise maxControllers, or look who else sends here'
    )
  }

  #full(transport: Transport, who: string): void {
    this.#host.count('dropped')
    this.#warn(
      `full ${transport}`,
      { transport, who },
      'there is no place for one more controller: raise maxControllers, or look who else sends here'
    )
  }

  #warn(kind: string, fields: object, message: string): void {
    const alike = this.#trouble.pass(kind)
    if (alike !== undefined) this.#host.log.warn({ ...fields, ...(alike > 0 ? { alike } : {}) }, message)
  }
}

const reasons: Readonly<Record<Cut, string>> = {
  slow: 'it does not read what it is sent',
  browser: 'it speaks HTTP, perhaps for a web page that wants to drive the rig',
  long: 'what it sends has no end; a message has 256 KiB at most'
}

/** What throws, as a rejection. */
async function settled(run: () => Exact): Promise<Exact> {
  return await Promise.resolve().then(run)
}
