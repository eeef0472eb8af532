import { resolve } from 'node:path'
import { Access } from './access/access.js'
import { Broker } from './broker/broker.js'
import { Contract } from './broker/contract.js'
import { systemClock } from './clock.js'
import { Current } from './current.js'
import { Commands } from './commands.js'
import { descriptions } from './descriptions.js'
import { Describing } from './describe/describing.js'
import { Devices, self as ownName } from './devices.js'
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
import { Reload } from './reload/reload.js'
import { RefusalLog } from './refusal-log.js'
import { States } from './states.js'
import { Topics, below } from './topic.js'
import { Upstream } from './upstream/upstream.js'
import { Validators } from './validators.js'

/** All that a gateway is made of: what HTTP may touch, and what only its life needs. */
export interface Composition extends Parts {
  readonly current: Current
  readonly contract: Contract
  readonly historyDesk: HistoryDesk
  readonly doors: Doors
}

/** Makes every part and ties them together. Opens nothing, starts no timer. */
export function compose(options: GatewayOptions, isStopping: () => boolean): Composition {
  const { checked } = options
  const { config } = checked
  const current = new Current(checked)
  const clock = options.clock ?? systemClock
  const hidden = [config.runs.folder, config.gateway.data].filter((folder) => folder !== undefined).map((folder) => resolve(folder))
  const notices = new Notices({ clock, log: options.log, hidden })
  const { log } = notices
  const limits = config.broker.limits
  const topics = new Topics(config.broker.root)
  const self = new Self({ clock, log, name: config.gateway.name, version: options.version ?? 'unknown' })
  const operation = new Operation({
    clock,
    log,
    config,
    machine: options.machine,
    parts: () => parts
  })
  const access = new Access({ clock, log, config: config.access, root: config.broker.root, troubled: (why) => states.own(why, 'users') })
  const disk = new DiskTrouble({
    log,
    where: config.gateway.data,
    failed: () => self.diskFailed(),
    own: (trouble) => states.own(trouble)
  })
  const broker = new Broker({
    log,
    access,
    clock,
    limits,
    shed: (kind) => self.shed(kind),
    data: config.gateway.data,
    durability: config.broker.durability,
    openDisk: options.openDisk,
    disk: disk.tell
  })
  const { publish } = broker
  const { validators = new Validators() } = options
  const devices = new Devices({
    topics,
    undeclared: config.broker.undeclared,
    maxUndeclared: limits.maxUndeclared,
    ...descriptions(broker),
    left: (device) => states.forget(device)
  })
  const history = new History({
    clock,
    log,
    devices,
    config: config.history,
    // A disk of another kind has no folder.
    data: options.openDisk === undefined ? config.gateway.data : undefined,
    changed: () => self.changed()
  })
  const streams = new Streams({ clock, log, hit: (limit) => broker.hit(limit) })
  const stories = new Stories({ clock, devices, log })
  const latest = new Latest({
    clock,
    devices,
    publish,
    wanted: broker.wanted,
    isDoubtful: () => operation.clockSync.isDoubtful,
    taken: (entry, held) => {
      history.take(entry, held)
      runs.take(entry, held)
      stories.take(entry, held)
      streams.take(entry, held)
    },
    onError: (error) => log.error({ err: error }, 'an instance failed on a reading that it watches')
  })
  const states = new States({
    clock,
    devices,
    topics,
    publish,
    isOffline: (device) => latest.expire(device),
    changed: () => self.changed(),
    toldOf: (device) => streams.state(device, states.told(device))
  })
  const runs = new Runs({
    clock,
    log,
    devices,
    latest,
    get checked() {
      return current.checked
    },
    version: options.version ?? 'unknown',
    sight: (rights) => new Sight(rights, { devices, topics }),
    changed: () => {
      self.changed()
      states.own(runsTrouble(runs.problems()), 'runs')
    }
  })
  const historyDesk = new HistoryDesk({
    clock,
    log,
    validators,
    history,
    broker,
    limits
  })
  const commands = new Commands({
    clock,
    devices,
    validators,
    latest,
    publish: (topic, payload, kind, more) => {
      if (kind === 'reply') commandDesk.replied(topic, payload)
      return publish(topic, payload, kind, more)
    },
    log,
    whyOffline: (device) => states.whyOffline(device),
    keep: config.gateway.data === undefined && options.openDisk === undefined ? undefined : broker.keep,
    step: (step) => {
      stories.step(step)
      operation.commands.step(step)
      runs.step(step)
    },
    askHistory: (question) => historyDesk.ask(question),
    execute: async (instance, command, signal) =>
      instance === ownName
        ? await (command.codename === 'reload' ? reload : runs).execute(command)
        : await instances.execute(instance, command, signal)
  })
  const commandDesk = new CommandDesk({ clock, devices, commands, publish })
  const refusals = new RefusalLog({ clock, log })
  const contract = new Contract({
    clock,
    topics,
    devices,
    validators,
    latest,
    states,
    commands,
    replied: ({ topic }, payload) => commandDesk.replied(below(topic, 'reply'), payload),
    refused: ({ topic, client, error, id, letter }) => {
      self.refused()
      if (letter === undefined) broker.hit('deadLetters')
      else notices.dead(letter)
      refusals.tell({ topic, client, error, id, isDeadLetter: letter !== undefined })
    }
  })
  const instances = new Instances(
    { checked, types: options.types, schedule: options.schedule },
    {
      clock,
      log,
      validators,
      broker,
      topics,
      devices,
      latest,
      commands,
      states,
      self,
      dead: (letter) => notices.dead(letter)
    }
  )
  const reload = new Reload({
    clock,
    log,
    source: options.source,
    current,
    devices,
    instances,
    states,
    latest,
    commands,
    validators,
    self,
    publish,
    topics,
    broker
  })
  const doors = new Doors({ clock, log, broker, isStopping })
  const parts: Composition = {
    clock,
    log,
    get config() {
      return current.config
    },
    version: options.version ?? 'unknown',
    started: clock.now(),
    topics,
    devices,
    validators,
    latest,
    states,
    commands,
    desk: commandDesk,
    streams,
    instances,
    self,
    operation,
    access,
    broker,
    history,
    runs,
    stories,
    notices,
    certificates: doors.certificates,
    reload,
    describing: new Describing((listener) => doors.address(listener)),
    upstream: new Upstream(config.upstream),
    contract,
    historyDesk,
    doors,
    current
  }
  return parts
}
