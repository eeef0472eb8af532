/** Legacy clients push to us: DataPushSocket. With accept: readings it feeds a device, with accept: commands it asks one to act. */
import type { Adapter, AdapterType, Command, Endpoint, Exact, Host, Reading } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError } from '../../gateway/errors.js'
import { repr } from '../common/python-text.js'
import { PyExpLabSysSocket } from '../common/pyexplabsys-socket.js'
import { Backlog } from './backlog.js'
import * as codec from './codec.js'
import schema from './config.schema.json' with { type: 'json' }
import { refOf } from '../common/ref.js'
import { pushPlan, resolver } from './targets.js'
import type { Asked, Resolve } from './targets.js'
import { InOrder } from './in-order.js'
import { Turnstile } from './turnstile.js'
import type { DataPushServerConfig } from './types.js'
import { mergePush } from './updated.js'

/** Pushes that may wait; a kernel's queue holds about as many (section 10.9). */
const maxWaiting = 256

/** Pushes that may wait for the disk, which takes hundreds at once. */
const maxUnkept = 10_000

export const dataPushServer: AdapterType<DataPushServerConfig> = {
  type: 'data-push-server',
  configSchema: schema.$defs['data-push-server'],
  plan: pushPlan,
  create: (config, host) => new DataPushServer(config, host)
}

class DataPushServer implements Adapter {
  readonly #config: DataPushServerConfig
  readonly #host: Host
  readonly #socket: PyExpLabSysSocket
  readonly #turnstile: Turnstile
  #resolve: Resolve = () => undefined
  #updated: ReadonlyMap<string, Exact> = new Map()
  readonly #backlog: Backlog
  /** Pushes that wait for the disk. */
  #unkept = 0
  readonly #answers = new InOrder<Buffer | undefined>()

  constructor(config: DataPushServerConfig, host: Host) {
    this.#config = config
    this.#host = host
    this.#socket = new PyExpLabSysSocket({ config, type: 'push', host, onDatagram: (...asked) => this.#datagram(...asked) })
    this.#backlog = new Backlog(config.id, host)
    this.#turnstile = new Turnstile({
      clock: host.clock,
      within: config.answerWithin,
      max: maxWaiting,
      tooLate: () => {
        host.count('dropped')
        host.log.warn(
          { answerWithin: config.answerWithin },
          'a result came after answerWithin and was dropped; its client has been told EXCEP#'
        )
      }
    })
  }

  async start(signal: AbortSignal): Promise<void> {
    const { device, id } = this.#config
    const codenames =
      device === undefined
        ? []
        : this.#host.codenames(device).declared.map((codename) => [codename, this.#host.meta(device, codename) ?? {}] as const)
    this.#resolve = resolver(this.#config, codenames)
    this.#backlog.recover()
    await this.#socket.open(signal)
    await this.#host.publish({ device: id, codename: 'updated', value: this.#updated }, { device: id, codename: 'queue_length', value: 0n })
  }

  async stop(): Promise<void> {
    this.#turnstile.clear()
    this.#answers.clear()
    this.#backlog.stop()
    await this.#socket.close()
  }

  endpoint(): Endpoint {
    return this.#socket.endpoint()
  }

  /** The calls of the instance's own device. */
  async execute(command: Command): Promise<Exact> {
    const { id } = this.#config
    switch (command.codename) {
      case 'set_last_to_none':
        await this.#host.publish({ device: id, codename: 'last', value: null })
        return null
      case 'clear_updated':
        await this.#host.publish({ device: id, codename: 'updated', value: new Map() })
        this.#updated = new Map()
        return null
      case 'poke':
        this.#socket.active()
        return null
      default:
        throw new GatewayError('UnknownCodename', `${id} carries out no command for ${command.codename}`)
    }
  }

  #datagram(datagram: Buffer, answer: (reply: Buffer | undefined) => void, asker: string): void {
    const read = codec.decodePush(datagram)
    const push = read.kind === 'error' ? { ...read, text: bounded(read.text, datagram) } : read
    if (push.kind === 'silent') return
    const run = (signal?: AbortSignal): Promise<Buffer | undefined> => this.#answer(push, datagram, signal)
    // Only a direct callback makes others wait, as in the original.
    if (this.#config.action !== 'callback_direct') this.#answers.push(asker, run(), answer)
    else if (!this.#turnstile.push({ run, late: () => this.#late(push), answer })) this.#host.count('dropped')
  }

  /** Never rejects. */
  async #answer(
    push: Exclude<codec.Push, { kind: 'silent' }>,
    datagram: Buffer,
    signal: AbortSignal | undefined
  ): Promise<Buffer | undefined> {
    switch (push.kind) {
      case 'name':
        return codec.encodeText('RET#', this.#config.name)
      case 'commands':
        return codec.encodeText('RET#', codec.COMMANDS)
      case 'status':
        return codec.encodeStatus(this.#socket.status())
      case 'error':
        this.#host.count('refused')
        return codec.encodeError(push.text)
      case 'push':
        if (this.#config.readOnly) {
          this.#host.count('refused')
          return codec.encodeError(readOnly)
        }
        try {
          return this.#config.accept === 'readings' ? await this.#takeReadings(push.values) : await this.#takeCommands(push.values, signal)
        } catch (thrown) {
          const error = asGatewayError(thrown)
          this.#host.count('refused')
          this.#host.dead({ device: this.#config.device ?? this.#config.id }, datagram.toString('latin1'), error)
          return codec.encodeError(bounded(error.message, datagram))
        }
    }
  }

  #late(push: Exclude<codec.Push, { kind: 'silent' }>): Buffer | undefined {
    if (push.kind === 'name') return codec.encodeText('RET#', this.#config.name)
    if (push.kind === 'commands') return codec.encodeText('RET#', codec.COMMANDS)
    if (push.kind === 'status') return codec.encodeStatus(this.#socket.status())
    if (push.kind === 'error') return codec.encodeError(push.text)
    return codec.encodeException(`no result within ${this.#config.answerWithin} s`)
  }

  /** All or nothing: every key, and the socket's own readings. */
  async #takeReadings(values: Map<string, Exact>): Promise<Buffer | undefined> {
    const readings: Reading[] = []
    for (const [key, value] of values) readings.push({ ...this.#target(key), value, source: 'push' })
    const updated = this.#merged(values)
    this.#room()
    await this.#host.publish(...readings, ...this.#own(values, updated))
    this.#updated = updated
    return (await this.#kept()) ? codec.encodeAck(values) : codec.encodeException(unkept)
  }

  #room(): void {
    if (this.#unkept >= maxUnkept)
      throw new GatewayError('RateLimited', `${maxUnkept} pushes wait for the disk already; nothing was stored`)
  }

  /** An acknowledged push must outlive a crash; but a late answer would be read as the next one. */
  async #kept(): Promise<boolean> {
    this.#unkept += 1
    try {
      return await this.#host.kept(this.#config.answerWithin)
    } finally {
      this.#unkept -= 1
    }
  }

  async #takeCommands(values: Map<string, Exact>, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    const { as, action } = this.#config
    const direct = action === 'callback_direct'
    const method = typeof as === 'object' && 'method' in as ? as.method : undefined
    if (method !== undefined && !values.has(method)) return await this.#noMethod(method, values, direct)
    const updated = this.#merged(values)
    const keys = [...values.keys()]
    const shown = repr(values)
    const asked = this.#asked(values)
    const wrong = asked.find((each) => this.#host.checkRequest(each) !== undefined)
    const refused = wrong && this.#host.checkRequest(wrong)
    // To a direct callback an unknown method is its own failure, not a refusal: the original has stored the push by then.
    if (wrong !== undefined && refused !== undefined && !(direct && method !== undefined && isUnknown(refused))) {
      this.#host.refused(wrong, refused)
      throw refused
    }
    if (!direct && this.#backlog.length + this.#unkept >= maxWaiting)
      throw new GatewayError('RateLimited', `${maxWaiting} pushes wait already; nothing was stored`)
    await this.#host.publish(...this.#own(values, updated))
    this.#updated = updated
    if (direct) return await this.#direct(keys, asked, refused, signal)
    const accepted = this.#backlog.note(asked)
    if (!(await this.#kept())) {
      this.#backlog.forget(accepted)
      return codec.encodeException(`${unkept}; it is not carried out`)
    }
    // Stopped meanwhile, and given up: nobody is answered any more.
    if (!this.#backlog.add(accepted)) return undefined
    return codec.encodeText('ACK#', shown)
  }

  /** The original's callback pops the key and fails with a KeyError, whose text is the key's repr; the push is stored. */
  async #noMethod(method: string, values: Map<string, Exact>, direct: boolean): Promise<Buffer | undefined> {
    if (!direct) throw new GatewayError('BadPayload', `the key ${repr(method)}, which names what to call, is missing`)
    const updated = this.#merged(values)
    await this.#host.publish(...this.#own(values, updated))
    this.#updated = updated
    return codec.encodeException(repr(method))
  }

  /** In method mode the key is popped from the very dict that is kept as last, as the original's example does (section 5.5). */
  #asked(values: Map<string, Exact>): Asked[] {
    const { as } = this.#config
    if (typeof as !== 'object') return [...values].map(([key, value]) => ({ ...this.#target(key), op: 'set', value }))
    if ('call' in as) return [{ ...refOf(as.call), op: 'call', value: values }]
    const method = values.get(as.method)
    values.delete(as.method)
    return [{ device: as.device, codename: typeof method === 'string' ? method : repr(method as Exact), op: 'call', value: values }]
  }

  async #direct(
    keys: readonly string[],
    asked: readonly Asked[],
    refused: Error | undefined,
    signal: AbortSignal | undefined
  ): Promise<Buffer | undefined> {
    try {
      if (refused !== undefined) throw refused
      const results: Exact[] = []
      for (const each of asked) {
        // The client has been told that it failed; what it sends next must not be overtaken by the rest of this.
        signal?.throwIfAborted()
        results.push(await this.#host.request(each))
      }
      const value = this.#config.as === 'set' ? new Map(keys.map((key, i) => [key, results[i] as Exact])) : (results[0] as Exact)
      return codec.encodeReturn(value, this.#config.returnFormat)
    } catch (error) {
      return codec.encodeException(error instanceof Error ? error.message : String(error))
    }
  }

  #target(key: string): { device: string; codename: string } {
    const ref = this.#resolve(key)
    if (ref !== undefined) return ref
    const known = [...(this.#config.channels?.keys() ?? [])].map((name) => repr(name)).join(', ')
    throw new GatewayError('UnknownCodename', `this socket has no codename ${repr(key)}; it has ${known}`)
  }

  #merged(values: ReadonlyMap<string, Exact>): ReadonlyMap<string, Exact> {
    const { values: updated, forgotten } = mergePush(this.#updated, values)
    if (forgotten > 0) this.#host.count('dropped', forgotten)
    return updated
  }

  #own(last: ReadonlyMap<string, Exact>, updated: ReadonlyMap<string, Exact>): Reading[] {
    const { id } = this.#config
    return [
      { device: id, codename: 'last', value: last, source: 'push' },
      { device: id, codename: 'updated', value: updated, source: 'push' },
      // A push that is carried out does not wait; one that comes meanwhile does.
      { device: id, codename: 'queue_length', value: BigInt(this.#backlog.isWorking ? this.#backlog.length + 1 : 0), source: 'push' }
    ]
  }
}

/** Characters that a refusal may have beyond what was sent: who forges his address must not have others sent much. */
const maxMore = 256

function bounded(text: string, { length }: Buffer): string {
  return text.length <= length + maxMore ? text : `${text.slice(0, length + maxMore - 3)}...`
}

/** Told as ERROR#: nothing was stored. */
const readOnly = 'this socket is only looked at (readOnly); nothing was stored'

/** Told as EXCEP#: stored, but not as it should be. */
const unkept = 'the push is not on disk yet and would not survive a crash'

function isUnknown(error: Error): boolean {
  return 'class' in error && (error.class === 'UnknownCodename' || error.class === 'ReadOnly')
}
