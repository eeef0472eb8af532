/** The production gateway with legacy sockets that are made one by one, as a program with PyExpLabSys would make them. */
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { adapterTypes } from '../../adapters/index.js'
import { isExactList, isExactMap } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import { repr, str } from '../../adapters/common/python-text.js'
import type { Adapter, AdapterType, Reading } from '../../gateway/adapter.js'
import { ConfigError, checkConfig } from '../../gateway/config.js'
import type { Checked } from '../../gateway/config.js'
import { Gateway } from '../../gateway/gateway.js'
import { createLog } from '../../gateway/log.js'
import { ScriptedClock } from './clock.js'
import { Script } from './scripted.js'
import { configYaml, translate } from './translate.js'
import type { Socket } from './translate.js'
import { PythonError, Unreachable } from './unreachable.js'
import { decodeValue } from './values.js'

interface Running {
  readonly gateway: Gateway
  readonly script: Script
  /** The instances, by id, to stop one of them alone. */
  readonly adapters: ReadonlyMap<string, Adapter>
}

export class Composition {
  readonly clock = new ScriptedClock()
  #sockets: Socket[] = []
  #running: Running | undefined

  /**
   * Returns the index of the new socket. The gateway is made afresh with all sockets so far, so nothing must have happened to them yet.
   * A refusal is a {@link PythonError} or {@link Unreachable}; one of the configuration leaves everything as it was.
   */
  async create(server: ExactMap, port: number): Promise<number> {
    const index = this.#sockets.length
    const sockets = [...this.#sockets, translate(server, index, port, () => this.clock.now())]
    const script = new Script()
    for (const { id, device, callback, queues } of sockets) {
      if (callback !== undefined) script.callbacks.set(device, callback)
      if (queues) script.queues.set(id, [])
    }
    const adapters = new Map<string, Adapter>()
    const types = [...adapterTypes, script.adapterType() as unknown as AdapterType].map((type) => recorded(type, adapters))
    const checked = check(configYaml(sockets), types)
    await this.#stop()
    const gateway = new Gateway({ checked, types, log: createLog({ level: 'silent' }), clock: this.clock, version: 'vectors' })
    this.#running = { gateway, script, adapters }
    await gateway.start()
    // The scripted adapter listens nowhere, so the gateway does not wait for it.
    await turn()
    this.#sockets = sockets
    if (gateway.endpoints().length < sockets.filter(({ isSilent }) => isSilent !== true).length) {
      await this.stopAll()
      throw new PythonError('OSError', '[Errno 98] Address already in use')
    }
    return index
  }

  /** Where the socket is bound; 0: it cannot be asked. */
  port(index: number): number {
    if (this.#socket(index).isSilent === true) return 0
    const port = this.#running?.gateway.endpoint(this.#socket(index).id)?.port
    if (port === undefined) throw new PythonError('RuntimeError', 'there is no such socket')
    return port
  }

  /** What the program does with its socket; undefined where it gets nothing back. */
  async op(index: number, op: string, args: readonly Exact[]): Promise<Exact | undefined> {
    const socket = this.#socket(index)
    const { script, adapters } = this.#alive()
    switch (op) {
      case 'set_point':
        return await this.#set(socket, args[0] ?? null, args[1] ?? null, args[2])
      case 'set_point_now':
        return await this.#set(socket, args[0] ?? null, [new Map([['$now', 0]]), args[1] ?? null], undefined)
      case 'set_batch':
        return await this.#setAll(socket, members(args[0]))
      case 'set_batch_now':
        return await this.#setAll(
          socket,
          members(args[0]).map(([name, y]) => [name, [new Map([['$now', 0]]), y]])
        )
      case 'reset':
        return await this.#reset(socket, args[0] ?? [])
      case 'last':
      case 'updated':
        return script.host.latest(socket.id, op)?.value ?? null
      case 'queue':
        return script.queues.get(socket.id)?.splice(0) ?? null
      case 'calls':
        return script.calls.get(socket.device) ?? []
      case 'set_last_to_none':
      case 'clear_updated':
      case 'poke':
        if (socket.kind !== 'push') throw new Unreachable('the activity of a pull socket is its readings')
        await script.host.request({ device: socket.id, codename: op, op: 'call' })
        return undefined
      case 'stop':
        await adapters.get(socket.id)?.stop()
        return undefined
      default:
        return await this.time(op, args)
    }
  }

  /** What concerns no socket: `clock` stands still at a time, `advance` and `sleep` let seconds pass. */
  async time(op: string, args: readonly Exact[]): Promise<undefined> {
    const seconds = Number(decodeValue(args[0] ?? null, this.clock.now()))
    if (op === 'clock') this.clock.standStill(args.length === 0 ? undefined : seconds)
    else if (op === 'advance') this.clock.advance(seconds)
    else if (op === 'sleep') await delay(seconds * 1000)
    else throw new Unreachable(`no socket that is served here can do ${op}`)
    // What a timer began goes on.
    await turn()
  }

  /** Also clears everything, and lets the clock run. */
  async stopAll(): Promise<void> {
    await this.#stop()
    this.#sockets = []
    this.clock.letRun()
  }

  async #stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.gateway.stop()
  }

  /** x of a date socket is the time of the reading, y its value; of a data socket x is x, and the time a third argument. */
  async #set(socket: Socket, legacy: Exact, written: Exact, stamp: Exact | undefined): Promise<undefined> {
    await this.#alive().script.host.publish(this.#reading(socket, legacy, written, stamp))
  }

  /** One call, as a program makes it: its readings come together. */
  async #setAll(socket: Socket, points: readonly (readonly [string, Exact])[]): Promise<undefined> {
    await this.#alive().script.host.publish(...points.map(([legacy, point]) => this.#reading(socket, legacy, point, undefined)))
  }

  /** What a live-server makes of a reset. */
  async #reset({ device, codename }: Socket, names: Exact): Promise<undefined> {
    const error = { class: 'Stale', code: 'RESET', message: 'reset', retryable: true }
    const readings = (isExactList(names) ? names : []).map((name) => ({ device, codename: codename(str(name)) ?? '', value: null, error }))
    await this.#alive().script.host.publish(...readings)
  }

  #reading({ kind, device, codename }: Socket, legacy: Exact, written: Exact, stamp: Exact | undefined): Reading {
    const now = this.clock.now()
    const name = codename(str(legacy))
    const point = decodeValue(written, now)
    if (name === undefined) throw new Unreachable(`this socket shows the channels of its map, and ${repr(legacy)} is not among them`)
    if (!isExactList(point) || point.length !== 2) throw new Unreachable('a reading has a time and a value; this is no point of two items')
    const [x = null, value = null] = point
    const time = kind === 'date' ? x : stamp === undefined ? now : Number(decodeValue(stamp, now))
    if (typeof time !== 'number') throw new Unreachable('the time of a reading is a double')
    return { device, codename: name, value, time, ...(kind === 'date' ? {} : { x }) }
  }

  #socket(index: number): Socket {
    const socket = this.#sockets[index]
    if (socket === undefined) throw new PythonError('RuntimeError', 'there is no such socket')
    return socket
  }

  #alive(): Running {
    if (this.#running === undefined) throw new PythonError('RuntimeError', 'nothing is running')
    return this.#running
  }
}

function members(dict: Exact | undefined): (readonly [string, Exact])[] {
  return dict !== undefined && isExactMap(dict) ? [...dict] : []
}

/** The production check of the configuration; its first problem is what the original would have raised. */
function check(yaml: string, types: readonly AdapterType[]): Checked {
  try {
    return checkConfig(yaml, { file: 'vectors.yaml', types, env: {} })
  } catch (error) {
    const problem = error instanceof ConfigError ? error.problems.find(({ warning }) => !warning) : undefined
    if (problem === undefined) throw error
    throw new PythonError('ValueError', problem.message)
  }
}

/** The type as it is; what it creates is noted. */
function recorded(type: AdapterType, adapters: Map<string, Adapter>): AdapterType {
  return {
    ...type,
    create: (config, host) => {
      const adapter = type.create(config, host)
      adapters.set(config.id, adapter)
      return adapter
    }
  }
}
