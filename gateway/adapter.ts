/**
 * THE CONTRACT between the gateway and its adapters: types only.
 *
 * An adapter is a folder under adapters/ and one line in adapters/index.ts. All that it may touch
 * of the gateway is the {@link Host} that `create` hands it. Units: times are Unix seconds, durations seconds.
 */
import type { Exact, ExactMap } from '../adapters/common/exact-json.js'

export type { Exact, ExactMap }

/** What each folder under adapters/ exports, once per role; adapters/index.ts lists them. */
export interface AdapterType<Config extends InstanceConfig = InstanceConfig> {
  /** Folder name, plus -server or -client where a folder has both roles: `type` in the configuration. */
  readonly type: string
  /** What an operator may write besides `id` and `type`; the only home of defaults. */
  readonly configSchema: object
  /** Pure: what this instance will hold and bind, and what is wrong with its configuration. Called before anything opens. */
  plan(config: Config, site: Site): Plan
  /** Pure: no sockets, no timers, no files. */
  create(config: Config, host: Host): Adapter
}

/** The part of an instance's configuration that all types share. */
export interface InstanceConfig {
  readonly id: string
  readonly type: string
}

export interface Adapter {
  /** Binds or dials. A rejection is retried for ever by the supervisor, with growing waits. Aborted: give up. */
  start(signal: AbortSignal): Promise<void>
  /** Safe twice, and after half a start, whose signal was aborted before. Once it resolves: no open handle, no further publish. */
  stop(): Promise<void>
  /** Seconds that a stop may take, where the old side is harmed by a sooner one. Left out: 2. */
  readonly stopWithin?: number
  /** MQTT (or another instance) to the old side: do it and return the value of the reply. Throw a GatewayError to refuse. */
  execute?(command: Command, signal: AbortSignal): Promise<Exact>
  /** Legacy sockets only: what `status` of the protocol reports about this one. */
  endpoint?(): Endpoint
}

/** One codename of one device. */
export interface Ref {
  readonly device: string
  readonly codename: string
}

/** A right on one codename, or on all codenames of a device, also those not declared, when `codename` is left out. */
export interface Right {
  readonly device: string
  readonly codename?: string
}

export interface Listen {
  readonly protocol: 'udp' | 'tcp'
  readonly host: string
  readonly port: number
  /** Where in the instance's configuration the port stands. */
  readonly path: readonly string[]
}

/** The old side that an instance dials. */
export interface Dial {
  readonly protocol: 'udp' | 'tcp'
  /** As the operator wrote it. */
  readonly host: string
  readonly port: number
}

export interface Plan {
  readonly listens?: readonly Listen[]
  /** Codenames whose readings only this instance writes. */
  readonly feeds?: readonly Right[]
  /** Codenames whose commands this instance carries out. */
  readonly executes?: readonly Right[]
  /**
   * It claims devices at run time, also to carry out their commands; which they are only the old side knows. Whoever has `executes`
   * or this has {@link Adapter.execute}.
   */
  readonly executesFound?: boolean
  /** Codenames of others that it sets or calls when a program of the old side says so; for the check of loops. */
  readonly asks?: readonly Right[]
  /** Where it sends to; with `forwards` for the check of loops. */
  readonly dials?: readonly Dial[]
  /** Readings of others that it sends on to where it dials. */
  readonly forwards?: readonly Ref[]
  /** Devices that exist because this instance does; they need no entry under `devices`. */
  readonly devices?: ReadonlyMap<string, Device>
  readonly problems?: readonly Problem[]
}

/** Something wrong with an instance's configuration that its schema cannot say. */
export interface Problem {
  /** Path below the instance, e.g. `['channels', 'x#y']`. */
  readonly path: readonly (string | number)[]
  /** The rule in one word, e.g. `forbidden-character`. */
  readonly rule: string
  readonly message: string
  /** A warning lets the gateway start. */
  readonly warning?: boolean
}

/**
 * The devices, of the configuration and of the instances' plans, in the order of the file. Maps, as the order of codenames matters
 * to legacy clients and an object would move names like `21984878` to the front.
 */
export interface Site {
  readonly devices: ReadonlyMap<string, Device>
}

export interface Device {
  readonly description?: string
  readonly codenames: ReadonlyMap<string, Codename>
}

/** What is known of a codename; published as its meta. */
export interface Codename {
  readonly description?: string
  readonly unit?: string
  /** Digits to show, for people only. */
  readonly digits?: number
  /** Age in seconds above which a reading is old. */
  readonly maxAge?: number
  readonly settable?: boolean
  readonly callable?: Callable
  /** Time in seconds that an executor has for a `set` or a `get`. */
  readonly timeout?: number
  /** JSON Schema of the value, for readings and for `set`. */
  readonly schema?: object
  /** What the history keeps: every reading, changes only, nothing, or at most one in so many seconds. Left out: as the gateway does. */
  readonly history?: 'every' | 'change' | 'off' | number
  /** The plain mirror on …/value is retained too. */
  readonly retainMirror?: boolean
  /** The name on the legacy side where it differs. */
  readonly original?: string
}

export interface Callable {
  readonly arguments?: object
  readonly returns?: object
  /** Seconds. */
  readonly timeout?: number
}

export type Quality = 'good' | 'stale' | 'uncertain' | 'bad'
export type Source = 'poll' | 'push' | 'set' | 'restored' | 'simulated' | 'client' | 'history'

/** What an adapter publishes. The value is exact: int (bigint) or float (number) as written, NaN and order of members kept. */
export interface Reading extends Ref {
  readonly value: Exact
  /** When measured, the double that arrived. Left out: now. */
  readonly time?: number
  /** For x,y data: the x that goes with the value. */
  readonly x?: Exact
  readonly unit?: string
  /** Left out: good. The gateway lowers it where value or time tell it to. */
  readonly quality?: Quality
  readonly source?: Source
  readonly uncertainty?: number
  readonly error?: ReadingError
}

export interface ReadingError {
  readonly class: string
  readonly code?: string
  readonly message: string
  readonly retryable: boolean
}

/** The last reading of a codename, as held in memory. */
export interface Latest extends Reading {
  readonly time: number
  readonly quality: Quality
  /** True when `time` came from the source and not from our clock. */
  readonly sourceTime: boolean
  /** Evaluated when asked: older than its maxAge, restored, or its device offline. */
  readonly old: boolean
  /** Seconds, when asked. */
  readonly age: number
}

export type Op = 'set' | 'get' | 'call'

/** What an executor is asked; already checked against the codename's schema. */
export interface Command extends Ref {
  readonly id: string
  readonly op: Op
  /** The value of a set; the arguments of a call, null or an empty object when it has none. */
  readonly value: Exact
  /** MQTT client id, or the id of the instance whose legacy client asked. */
  readonly client: string
  /**
   * Unix seconds after which nobody wants it any more. It has not come yet when the gateway hands the command on; whoever keeps commands
   * waiting looks again before it begins one, and refuses it with `Expired`.
   */
  readonly expires?: number
  /** See {@link Request.secret}. Left out: it came over MQTT, or is none. */
  readonly secret?: boolean
}

/** What a legacy server asks of any device. */
export interface Request extends Ref {
  readonly op: Op
  /** Shown in its replies, so that what one message of the old side causes can be found by one id. Left out: one is made up. */
  readonly id?: string
  /**
   * For logins: a call whose arguments and value reach no topic, log or file. The codename need not be callable, but an instance must carry
   * out its commands.
   */
  readonly secret?: boolean
  readonly value?: Exact
  /** Seconds, with the wait for the codename; the answer is failed/Timeout after that, whatever the device does. */
  readonly within?: number
  /** Seconds to wait for the codename while other commands run for it, in order; left out: Busy at once. */
  readonly patience?: number
  /** Ends the wait early. A command that has begun may still be carried out; one that waits for its codename never is. */
  readonly signal?: AbortSignal
  /** Ends only the wait for the codename: a command that has begun is waited for. */
  readonly turnSignal?: AbortSignal
}

/** For legacy `status` commands that report all sockets of a machine. */
export interface Endpoint {
  readonly protocol: 'udp' | 'tcp'
  readonly host: string
  readonly port: number
  readonly name: string
  readonly type: string
  /** Seconds, or undefined when activity is not checked. */
  readonly activityTimeout?: number
  /** Unix seconds. */
  readonly lastActivity: number
}

export interface Watch {
  cancel(): void
}

export interface Clock {
  /** Unix seconds. */
  now(): number
  /** Seconds that never jump. */
  monotonic(): number
  after(seconds: number, run: () => void): Watch
}

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(bindings: object): Logger
}

/** All that an adapter may touch of the gateway. */
export interface Host {
  /** Child logger that carries the instance's id. */
  readonly log: Logger
  readonly clock: Clock
  /**
   * Old side to MQTT, all or nothing. Resolves when every reading is validated, in `latest` and in the broker's
   * bounded queue; never waits for delivery. Rejects with a GatewayError (schema, right, overload) and then nothing was published.
   */
  publish(...readings: readonly Reading[]): Promise<void>
  /**
   * Resolves with true when all that was published and noted so far would survive a crash, at once when the gateway keeps nothing;
   * with false after so many seconds, or at once when the disk refuses. For protocols that acknowledge.
   */
  kept(within: number): Promise<boolean>
  /** Something of the instance's own that outlives a crash, by name; undefined: no more. */
  note(name: string, text: string | undefined): void
  notes(): ReadonlyMap<string, string>
  /** Would `publish` accept these? Returns the refusal, or undefined. Changes nothing. */
  check(...readings: readonly Reading[]): Error | undefined
  /** From memory, never a wait. Whoever published it. */
  latest(device: string, codename: string): Latest | undefined
  /** All devices but the gateway's own: those of the configuration and of instances in their order, then those met since, as they came. */
  devices(): readonly string[]
  /**
   * The device's client, or an instance that holds rights on it, says that it is not there. Others of its codenames may be: what is
   * asked of it is tried all the same.
   */
  isOffline(device: string): boolean
  /**
   * Codenames of a device: the declared ones in their order, and the others as they came. `found`: those of both that an instance found at
   * run time, perhaps in an earlier run of the gateway, and that no configuration names.
   */
  codenames(device: string): {
    readonly declared: readonly string[]
    readonly undeclared: readonly string[]
    readonly found: readonly string[]
  }
  /**
   * What is known of a codename. Ask each time: description, unit, digits, maxAge, timeout, history and retainMirror may change while the
   * instance runs. When anything else does of what it holds or its configuration names, it is stopped, and another is created.
   */
  meta(device: string, codename: string): Codename | undefined
  /** Readings as they arrive, new ones only. What the instance feeds itself never comes. */
  watch(filter: Right, run: (reading: Latest) => void): Watch
  /** Asks a device to act; resolves with the value of the reply, rejects with a GatewayError. */
  request(request: Request): Promise<Exact>
  /** Would a device take this command by its declaration and schema? Returns the refusal, or undefined. Changes nothing. */
  checkRequest(request: Request): Error | undefined
  /** Told when a client's command is refused after {@link checkRequest}, and not requested: its story says so. */
  refused(request: Request, error: Error): void
  /**
   * Adds or replaces the description of a codename found at run time on a device this instance feeds. Throws a GatewayError when there is
   * no room. With undefined: it is there no more, and is forgotten with its reading, unless the configuration declares it.
   */
  describe(device: string, codename: string, meta: Codename | undefined): void
  /**
   * Takes the feeding right on a device found at run time, and with `executes` the right to carry out its commands, for which the plan
   * says `executesFound`. Throws a GatewayError when it is declared, another holds a right on it, or there is no room.
   */
  claim(device: string, rights?: { readonly executes: boolean }): void
  /**
   * Gives back what was claimed. The device is offline for this reason until somebody else speaks for it, and its commands are refused with
   * it; where nothing of it is left, it is forgotten.
   */
  release(device: string, reason?: string): void
  /** Endpoints of every running instance. */
  endpoints(): readonly Endpoint[]
  /**
   * Reachable, partly so, or not at all; shown as the state of the instance's devices, whose readings are stale while offline. For an
   * adapter that goes on trying by itself: `failed` is for what needs a new start. Said while it starts, it stands in place of "started".
   * With `device`: of this one alone, as long as nothing else is said of it; what is worse counts, that or what holds for all.
   */
  report(state: 'online' | 'degraded' | 'offline', reason?: string, device?: string): void
  /** Adds to a counter of this instance, shown on the gateway device. Nothing is dropped uncounted. */
  count(counter: 'received' | 'answered' | 'refused' | 'dropped', by?: number): void
  /** Bad input of the old side: a dead letter with the reason, under lab-dead/. `detail` is what arrived. */
  dead(ref: Right, detail: string, error: Error): void
  /** The instance broke after start: it is stopped, shown as offline and started again. */
  failed(error: Error): void
}
