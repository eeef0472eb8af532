import { resolve } from 'node:path'
import { Access } from './access/access.js'
import type { Endpoint, Exact } from './adapter.js'
import { Broker } from './broker/broker.js'
import { Contract } from './broker/contract.js'
import type { Address } from './broker/listeners.js'
import { systemClock } from './clock.js'
import { Current } from './current.js'
import type { OwnCommand } from './command-types.js'
import { Commands } from './commands.js'
import { declare } from './declare.js'
import { descriptions } from './descriptions.js'
import { Describing } from './describe/describing.js'
import { Devices, self } from './devices.js'
import { DiskTrouble } from './disk-trouble.js'
import { Doors } from './doors.js'
import type { GatewayOptions } from './gateway-options.js'
import { Instances } from './instances.js'
import { HistoryDesk } from './history/ask.js'
import { History } from './history/history.js'
import { CommandDesk } from './http/command-desk.js'
import type { Parts } from './http/parts.js'
import { Streams } from './http/streams.js'
import { Latest } from './latest.js'
import { Notices } from './notices.js'
import { Operation } from './operation.js'
import { Sight } from './http/sight.js'
import { runsTrouble } from './runs/completion.js'
import { Runs } from './runs/runs.js'
import { Stories } from './stories.js'
import { Self } from './self.js'
import { presenceOf } from './presence.js'
import { Reload } from './reload/reload.js'
import type { ReloadReport } from './reload/report.js'
import { RefusalLog } from './refusal-log.js'
import { restoreFrom } from './restore.js'
import { States } from './states.js'
import { Topics, below } from './topic.js'
import { Validators } from './validators.js'

export type { GatewayOptions } from './gateway-options.js'

/** Seconds for what waits at the end. */
const flushWithin = 2

/** Seconds for all of a stop but the instances. */
const restWithin = 6

/** The composition: everything is made here, started in order and stopped in reverse. Tests use this. */
export class Gateway {
  readonly #current: Current
  readonly #access: Access
  readonly #broker: Broker
  readonly #states: States
  readonly #latest: Latest
  readonly #commands: Commands
  readonly #contract: Contract
  readonly #devices: Devices
  readonly #self: Self
  readonly #operation: Operation
  readonly #notices: Notices
  readonly #history: History
  readonly #desk: HistoryDesk
  readonly #runs: Runs
  readonly #stories: Stories
  readonly #topics: Topics
  readonly #instances: Instances
  readonly #commandDesk: CommandDesk
  readonly #streams: Streams
  readonly #doors: Doors
  readonly #reload: Reload
  readonly #parts: Parts
  readonly #describing = new Describing((listener) => this.address(listener))
  /** The broker in process. */
  #opened: Promise<void> | undefined
  /** What is kept on disk, read. */
  #prepared: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  /** Opens nothing, starts no timer. */
  constructor(options: GatewayOptions) {
    const { checked } = options
    const { config } = checked
    const current = (this.#current = new Current(checked))
    const clock = options.clock ?? systemClock
    const hidden = [config.runs.folder, config.gateway.data].filter((folder) => folder !== undefined).map((folder) => resolve(folder))
    this.#notices = new Notices({ clock, log: options.log, hidden })
    const { log } = this.#notices
    const limits = config.broker.limits
    this.#topics = new Topics(config.broker.root)
    this.#self = new Self({ clock, log, name: config.gateway.name, version: options.version ?? 'unknown' })
    this.#operation = new Operation({ clock, log, config, machine: options.machine, parts: () => this.#parts })
    const { access, broker } = config
    this.#access = new Access({ clock, log, config: access, root: broker.root, troubled: (why) => this.#states.own(why, 'users') })
    const disk = new DiskTrouble({
      log,
      where: config.gateway.data,
      failed: () => this.#self.diskFailed(),
      own: (trouble) => this.#states.own(trouble)
    })
    this.#broker = new Broker({
      log,
      access: this.#access,
      clock,
      limits,
      shed: (kind) => this.#self.shed(kind),
      data: config.gateway.data,
      durability: config.broker.durability,
      openDisk: options.openDisk,
      disk: disk.tell
    })
    const { publish } = this.#broker
    const { validators = new Validators() } = options
    this.#devices = new Devices({
      topics: this.#topics,
      undeclared: config.broker.undeclared,
      maxUndeclared: limits.maxUndeclared,
      ...descriptions(this.#broker),
      left: (device) => this.#states.forget(device)
    })
    this.#history = new History({
      clock,
      log,
      devices: this.#devices,
      config: config.history,
      // A disk of another kind has no folder.
      data: options.openDisk === undefined ? config.gateway.data : undefined,
      changed: () => this.#self.changed()
    })
    this.#streams = new Streams({ clock, log, hit: (limit) => this.#broker.hit(limit) })
    this.#stories = new Stories({ clock, devices: this.#devices, log })
    this.#latest = new Latest({
      clock,
      devices: this.#devices,
      publish,
      wanted: this.#broker.wanted,
      isDoubtful: () => this.#operation.clockSync.isDoubtful,
      taken: (entry, held) => {
        this.#history.take(entry, held)
        this.#runs.take(entry, held)
        this.#stories.take(entry, held)
        this.#streams.take(entry, held)
      },
      onError: (error) => log.error({ err: error }, 'an instance failed on a reading that it watches')
    })
    this.#states = new States({
      clock,
      devices: this.#devices,
      topics: this.#topics,
      publish,
      isOffline: (device) => this.#latest.expire(device),
      changed: () => this.#self.changed(),
      toldOf: (device) => this.#streams.state(device, this.#states.told(device))
    })
    this.#runs = new Runs({
      clock,
      log,
      devices: this.#devices,
      latest: this.#latest,
      get checked() {
        return current.checked
      },
      version: options.version ?? 'unknown',
      sight: (rights) => new Sight(rights, { devices: this.#devices, topics: this.#topics }),
      changed: () => {
        this.#self.changed()
        this.#states.own(runsTrouble(this.#runs.problems()), 'runs')
      }
    })
    this.#desk = new HistoryDesk({ clock, log, validators, history: this.#history, broker: this.#broker, limits })
    this.#commands = new Commands({
      clock,
      devices: this.#devices,
      validators,
      latest: this.#latest,
      publish: (topic, payload, kind, more) => {
        if (kind === 'reply') this.#commandDesk.replied(topic, payload)
        return publish(topic, payload, kind, more)
      },
      log,
      whyOffline: (device) => this.#states.whyOffline(device),
      keep: config.gateway.data === undefined && options.openDisk === undefined ? undefined : this.#broker.keep,
      step: (step) => {
        this.#stories.step(step)
        this.#operation.commands.step(step)
        this.#runs.step(step)
      },
      askHistory: (question) => this.#desk.ask(question),
      execute: async (instance, command, signal) =>
        instance === self ? await this.#ownCommand(command) : await this.#instances.execute(instance, command, signal)
    })
    this.#commandDesk = new CommandDesk({ clock, devices: this.#devices, commands: this.#commands, publish })
    const refusals = new RefusalLog({ clock, log })
    this.#contract = new Contract({
      clock,
      topics: this.#topics,
      devices: this.#devices,
      validators,
      latest: this.#latest,
      states: this.#states,
      commands: this.#commands,
      replied: ({ topic }, payload) => this.#commandDesk.replied(below(topic, 'reply'), payload),
      refused: ({ topic, client, error, id, letter }) => {
        this.#self.refused()
        if (letter === undefined) this.#broker.hit('deadLetters')
        else this.#notices.dead(letter)
        refusals.tell({ topic, client, error, id, isDeadLetter: letter !== undefined })
      }
    })
    this.#instances = new Instances(
      { checked, types: options.types, schedule: options.schedule },
      {
        clock,
        log,
        validators,
        broker: this.#broker,
        topics: this.#topics,
        devices: this.#devices,
        latest: this.#latest,
        commands: this.#commands,
        states: this.#states,
        self: this.#self,
        dead: (letter) => this.#notices.dead(letter)
      }
    )
    this.#reload = new Reload({
      clock,
      log,
      source: options.source,
      current,
      devices: this.#devices,
      instances: this.#instances,
      states: this.#states,
      latest: this.#latest,
      commands: this.#commands,
      validators,
      self: this.#self,
      publish
    })
    this.#doors = new Doors({ clock, log, broker: this.#broker, isStopping: () => this.#stopping !== undefined })
    this.#parts = {
      clock,
      log,
      get config() {
        return current.config
      },
      version: options.version ?? 'unknown',
      started: clock.now(),
      topics: this.#topics,
      devices: this.#devices,
      validators,
      latest: this.#latest,
      states: this.#states,
      commands: this.#commands,
      desk: this.#commandDesk,
      streams: this.#streams,
      instances: this.#instances,
      self: this.#self,
      operation: this.#operation,
      access: this.#access,
      broker: this.#broker,
      history: this.#history,
      runs: this.#runs,
      stories: this.#stories,
      notices: this.#notices,
      certificates: this.#doors.certificates,
      reload: this.#reload,
      describing: this.#describing
    }
  }

  /** Broker in process; then every listener; dialling starts after, and is not awaited. Rejects when an MQTT listener cannot open. */
  async start(): Promise<void> {
    if (this.#stopping !== undefined) return
    this.#opened = this.#openBroker()
    await this.#opened
    if (this.#stopping !== undefined) return
    declare(this.#devices, this.#current.checked)
    this.#prepared = this.#prepare()
    await this.#prepared
    if (this.#stopping !== undefined) return
    this.#states.announceAll(this.#instances.ids())
    this.#broker.publishWills()
    this.#commands.recover()
    this.#self.start(this.#parts)
    try {
      await this.#doors.open(this.#parts, this.#instances.listen())
      if (this.#stopping === undefined) await this.#describing.start(this.#parts)
    } catch (error) {
      await this.stop('it could not start')
      throw error
    }
    if (this.#stopping !== undefined) return
    this.#operation.readiness.opened()
    this.#instances.dial()
    this.#reload.start()
  }

  /** The description of REST, as over HTTP; nothing is opened for it. */
  async openApi(): Promise<string> {
    return await (await import('./http/server.js')).describeWeb(this.#parts)
  }

  /** In reverse, complete and idempotent: afterwards nothing of the gateway is open. */
  stop(reason = 'it was stopped'): Promise<void> {
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  /** Reads the configuration again: see {@link Reload.run}. */
  async reload(trigger: 'signal' | 'call'): Promise<ReloadReport> {
    return await this.#reload.run(trigger)
  }

  /** Seconds after which a stop has ended, or something hangs. */
  get stopWithin(): number {
    return this.#instances.stopWithin + restWithin
  }

  /** For who looks after the process. */
  get operation(): Operation {
    return this.#operation
  }

  /** Where a listener really is; the port is one that the system chose when the configuration says 0. */
  address(listener: 'tcp' | 'tls' | 'http'): Address | undefined {
    return this.#doors.address(listener)
  }

  /** The sockets of all running instances. */
  endpoints(): readonly Endpoint[] {
    return this.#instances.endpoints()
  }

  /** For tests and the composition of others: what is known of an instance. */
  endpoint(instance: string): Endpoint | undefined {
    return this.#instances.get(instance)?.supervisor.adapter.endpoint?.()
  }

  /** Sockets of MQTT and HTTP, whoever is behind them. */
  get openConnections(): number {
    return this.#broker.openConnections
  }

  /** MQTT clients by their sockets, and by the table of the broker. */
  get clientCount(): number {
    return this.#broker.clientCount
  }

  get clientIds(): readonly string[] {
    return this.#broker.clientIds
  }

  get retainedCount(): number {
    return this.#broker.retainedCount
  }

  async #openBroker(): Promise<void> {
    await this.#access.start()
    await this.#broker.start(this.#contract, presenceOf(this.#parts)).catch((error: unknown) => {
      this.#access.stop()
      throw error
    })
  }

  async #ownCommand(command: OwnCommand): Promise<Exact> {
    return await (command.codename === 'reload' ? this.#reload : this.#runs).execute(command)
  }

  async #prepare(): Promise<void> {
    await this.#operation.start()
    await this.#history.start()
    await this.#runs.start()
    await restoreFrom(this.#broker, this.#parts)
  }

  async #stop(reason: string): Promise<void> {
    if (this.#opened === undefined) return
    try {
      await this.#opened
    } catch {
      return // the data folder cannot be opened: nothing else was
    }
    this.#operation.stop()
    // Nothing is begun after it was stopped.
    await this.#prepared?.catch(() => {})
    await Promise.all([this.#reload.stop(), this.#instances.stop()])
    this.#commands.stop()
    this.#desk.stop()
    this.#self.stop()
    this.#states.leave(reason)
    this.#latest.stop()
    this.#streams.stop()
    await this.#broker.stop(flushWithin)
    await this.#doors.close()
    this.#access.stop()
    // Nobody acknowledges anything any more, and all readings are here.
    await Promise.all([this.#runs.stop(), this.#history.stop(), this.#describing.stop()])
  }
}
