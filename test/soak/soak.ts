/** The gateway with everything on, 200 clients and a fault a minute; a line a minute, and a verdict. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'mqtt'
import type { MqttClient } from 'mqtt'
import { write } from '../process/program.js'
import { Cable } from '../support/cable.js'
import { Relay } from '../support/relay.js'
import { Audit, pause } from './audit.js'
import { Control } from './control.js'
import type { Crowd, CrowdOrder } from './crowd.js'
import { faults } from './faults.js'
import type { Scene } from './faults.js'
import { diskBytes, openFiles, resident } from './figures.js'
import type { Inside } from './inside.js'
import { farLab, nearLab } from './labs.js'
import type { FarPorts } from './labs.js'
import { Plant } from './plant.js'
import { freePorts } from '../support/free-ports.js'
import { head, line, verdict } from './verdict.js'
import type { Minute } from './verdict.js'

/** Milliseconds; `LABGATE_SOAK_MINUTE` is for those who try the soak itself. */
const minute = Number(process.env['LABGATE_SOAK_MINUTE'] ?? 60) * 1000

/** Runs so many minutes, or until `signal`; resolves with whether all held. */
export async function soak(minutes: number, signal: AbortSignal): Promise<boolean> {
  const stage = await Stage.build()
  let isGood = false
  const done: Minute[] = []
  try {
    console.log(`${minutes} minutes; files in ${stage.files}\n${head}`)
    for (let i = 0; i < minutes && !signal.aborted; i++) {
      const next = await stage.minute(i, signal)
      if (signal.aborted) break
      done.push(next)
      console.log(line(next))
    }
    await stage.scene.audit.drain(30)
    const { text, holds } = verdict(done, stage.scene.audit.account, [...stage.scene.near.unexpected, ...stage.scene.far.unexpected])
    console.log(`${signal.aborted ? '\ninterrupted\n' : '\n'}${text}`)
    for (const error of stage.scene.near.errors.slice(0, 20)) console.log(`error in the log: ${error.slice(0, 500)}`)
    isGood = holds
    return holds
  } finally {
    await stage.close()
    // What went wrong is in the logs.
    if (isGood) rmSync(stage.files, { recursive: true, force: true })
  }
}

class Stage {
  readonly files: string
  readonly scene: Scene
  readonly #control: Control
  readonly #crowd: ChildProcess
  readonly #watcher: MqttClient
  readonly #relays: readonly Relay[]
  readonly #data: string
  readonly #figures: string
  #readings = 0
  #delay = NaN

  private constructor(
    parts: Pick<Stage, 'files' | 'scene'> & {
      control: Control
      crowd: ChildProcess
      relays: readonly Relay[]
      data: string
      figures: string
    }
  ) {
    this.files = parts.files
    this.scene = parts.scene
    this.#control = parts.control
    this.#crowd = parts.crowd
    this.#relays = parts.relays
    this.#data = parts.data
    this.#figures = parts.figures
    this.#watcher = connect(`mqtt://127.0.0.1:${this.scene.ports['mqtt']}`, { reconnectPeriod: 500 })
    this.#watcher.on('error', () => {})
    this.#watcher.subscribe(['lab/+/+'], { qos: 0 })
    this.#watcher.on('message', (topic, payload, { retain }) => {
      if (retain) return
      this.#readings += 1
      if (topic !== 'lab/gateway/event_loop_delay') return
      const { value } = JSON.parse(String(payload)) as { value?: number }
      if (typeof value === 'number') this.#delay = Math.max(Number.isNaN(this.#delay) ? 0 : this.#delay, value)
    })
  }

  static async build(): Promise<Stage> {
    const files = mkdtempSync(join(tmpdir(), 'labgate-soak-'))
    const [data, figures, names] = ['data', 'figures.json', 'names'].map((name) => join(files, name)) as [string, string, string]
    const free = [...(await freePorts(60))]
    const next = (): number => free.pop() as number
    const far = farLab(next)
    const weather = { isBad: false }
    const fate = (): { copies: number; later?: number } => {
      if (!weather.isBad) return { copies: 1 }
      const dice = Math.random()
      return dice < 0.3 ? { copies: 0 } : dice < 0.4 ? { copies: 2 } : dice < 0.5 ? { copies: 0, later: 1 } : { copies: 1 }
    }
    const relays: Relay[] = []
    const cables: Cable[] = []
    const ways: Record<string, number> = {}
    for (const name of ['pull', 'push', 'rig', 'live'] as const) {
      const relay = await Relay.open(() => far.ports[name], fate)
      relays.push(relay)
      ways[name] = relay.port
    }
    for (const name of ['routes', 'uuserver', 'echo'] as const) {
      const cable = await Cable.open(far.ports[name])
      cables.push(cable)
      ways[name] = cable.port
    }
    const near = nearLab(next, ways as FarPorts, data)
    const env = { LABGATE_SOAK_FIGURES: figures, LABGATE_SOAK_NAMES: names }
    const plants = {
      far: new Plant(write(join(files, 'far.yaml'), far.yaml), join(files, 'far.log')),
      near: new Plant(write(join(files, 'near.yaml'), near.yaml), join(files, 'near.log'), env)
    }
    try {
      await plants.far.start()
      await plants.near.start()
    } catch (error) {
      await plants.far.kill('SIGKILL')
      throw error
    }
    const { mqtt, sensors } = near.ports as { mqtt: number; sensors: number }
    const audit = new Audit(mqtt, sensors)
    await audit.start()
    const control = await Control.start(mqtt)
    const crowd = child('crowd.js', JSON.stringify(near.ports))
    const frozen = child('frozen.js', String(mqtt))
    const resetCrowd = (): void => void crowd.send('reset' satisfies CrowdOrder)
    const scene = { ...plants, audit, frozen, cables, weather, names, ports: near.ports, resetCrowd }
    return new Stage({ files, scene, control, crowd, relays, data, figures })
  }

  /** One minute with its fault; the first has none. */
  async minute(index: number, signal: AbortSignal): Promise<Minute> {
    const began = performance.now()
    const end = began + minute
    const fault = index === 0 ? undefined : faults[(index - 1) % faults.length]
    const trouble: string[] = []
    const running = fault?.run(this.scene).catch((error: unknown) => void trouble.push(String(error)))
    while (performance.now() < end && !signal.aborted) await pause(Math.min(200, end - performance.now()))
    await running
    return await this.#look({ number: index + 1, fault: fault?.name ?? '', trouble, seconds: (performance.now() - began) / 1000 })
  }

  async close(): Promise<void> {
    const { audit, near, far, frozen, cables } = this.scene
    this.#watcher.end(true)
    this.#control.close()
    await audit.close()
    for (const each of [frozen, this.#crowd]) each.kill('SIGKILL')
    near.signal('SIGCONT')
    await near.kill('SIGTERM')
    await far.kill('SIGTERM')
    await Promise.all([...this.#relays, ...cables].map((way) => way.close()))
  }

  async #look(what: Pick<Minute, 'number' | 'fault' | 'trouble' | 'seconds'>): Promise<Minute> {
    const { near, audit, far } = this.scene
    const crowd = await this.#askCrowd()
    const inside: Partial<Inside> = existsSync(this.#figures) ? (JSON.parse(readFileSync(this.#figures, 'utf8') || '{}') as Inside) : {}
    const { account } = audit
    const result: Minute = {
      ...what,
      rss: resident(near.pid),
      heap: inside.heap ?? NaN,
      files: openFiles(near.pid),
      resources: inside.resources ?? NaN,
      store: diskBytes(join(this.#data, 'store')),
      history: diskBytes(join(this.#data, 'history')),
      delay: this.#delay,
      readings: this.#readings / what.seconds,
      trips: this.#control.take(),
      account,
      crowd,
      unexpected: near.unexpected.length + far.unexpected.length
    }
    this.#readings = 0
    this.#delay = NaN
    return result
  }

  async #askCrowd(): Promise<Crowd> {
    const answer = once(this.#crowd, 'message', { signal: AbortSignal.timeout(10_000) })
    this.#crowd.send('tell' satisfies CrowdOrder)
    const [crowd] = (await answer) as [Crowd]
    return crowd
  }
}

function child(file: string, argument: string): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url))
  return fork(path, [argument], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true })
}
