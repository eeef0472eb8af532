/** The programs that are compared, each in a process of its own on loopback. */
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { fileURLToPath } from 'node:url'
import { flow, settings } from './peers/node-red.js'
import type { Quota } from './quota.js'
import { startChild } from './processes.js'
import type { Child } from './processes.js'

export interface Ports {
  readonly mqtt: number
  /** The gateway's own HTTP. */
  readonly web: number
  readonly pull: number
  readonly push: number
  /** Routes with /idn. */
  readonly routes: number
  /** A UUServer. */
  readonly uu: number
  /** A JSON echo. */
  readonly ws: number
  /** A rig, over UDP. */
  readonly rig: number
}

/** A program that runs. */
export interface Side {
  readonly name: string
  readonly pids: readonly number[]
  readonly ports: Ports
  readonly startedIn: number
  stop(): Promise<void>
}

/** A peer that is not here, and how to get it. */
export class Missing extends Error {}

/** This checkout, seen from dist/test/bench. */
export const checkout = fileURLToPath(new URL('../../../', import.meta.url))

const scratch = mkdtempSync(join(tmpdir(), 'labgate-bench-'))
const none: Ports = { mqtt: 0, web: 0, pull: 0, push: 0, routes: 0, uu: 0, ws: 0, rig: 0 }
let files = 0

/** The gateway of a checkout that is built, as people start it. `nodeOptions` come before the program. */
export async function labgate(
  yaml: string,
  options: { name?: string; root?: string; nodeOptions?: readonly string[]; quota?: Quota | undefined } = {}
): Promise<Side> {
  const { name = 'labgate', root = checkout, nodeOptions = [], quota } = options
  const file = join(scratch, `gateway-${files++}.yaml`)
  writeFileSync(file, yaml)
  const ports = { ...none } as { -readonly [name in keyof Ports]: number }
  const command = [process.execPath, ...nodeOptions, join(root, 'dist/gateway/main.js'), 'start', '--config', file, '--log-format', 'json']
  const [program = '', ...args] = quota === undefined ? command : quota.command(command)
  const child = await startChild({
    file: program,
    args,
    isReady: (line) => {
      const { listener, instance, port, msg } = read(line)
      if (listener === 'mqtt') ports.mqtt = Number(port)
      if (listener === 'http') ports.web = Number(port)
      if (isPort(instance) && port !== undefined) ports[instance] = Number(port)
      return msg === 'ready'
    }
  })
  return side(name, ports, child)
}

/** A peer of ours that is written in TypeScript. It tells its ports in its first line. */
export async function nodePeer(name: string, program: string): Promise<Side> {
  return await portTeller(name, process.execPath, [fileURLToPath(new URL(`peers/${program}.js`, import.meta.url))])
}

export async function pythonPeer(): Promise<Side> {
  if (spawnSync('python3', ['--version']).status !== 0) throw new Missing('Python: apt-get install python3')
  return await portTeller('Python socketserver', 'python3', [join(checkout, 'test/bench/peers/pull_server.py')])
}

/** Debian's Flask, with the server that it brings along: a thread for each request. */
export async function flask(): Promise<Side> {
  const python = '/usr/bin/python3'
  if (spawnSync(python, ['-c', 'import flask']).status !== 0) throw new Missing('Flask: apt-get install python3-flask')
  return await portTeller('Flask', python, [join(checkout, 'test/bench/peers/flask_server.py')])
}

/** Debian's websockets, as the original of the JSON echo uses it. */
export async function websockets(): Promise<Side> {
  const python = '/usr/bin/python3'
  if (spawnSync(python, ['-c', 'import websockets']).status !== 0) throw new Missing('websockets: apt-get install python3-websockets')
  return await portTeller('Python websockets', python, [join(checkout, 'test/peers/servers/echo_server.py')])
}

/** So many pull sockets of a laboratory, in one process, and their ports. */
export async function pullSockets(count: number): Promise<{ readonly ports: readonly number[]; stop(): Promise<void> }> {
  let ports: readonly number[] = []
  const child = await startChild({
    file: process.execPath,
    args: [fileURLToPath(new URL('peers/pull-sockets.js', import.meta.url)), String(count)],
    isReady: (line) => {
      ports = (read(line)['ports'] as { healthy: number[] } | undefined)?.healthy ?? []
      return ports.length === count
    }
  })
  return { ports, stop: () => child.stop() }
}

async function portTeller(name: string, file: string, args: readonly string[]): Promise<Side> {
  const ports = { ...none } as { -readonly [name in keyof Ports]: number }
  const child = await startChild({
    file,
    args,
    isReady: (line) => {
      const { udp, mqtt, http, ws } = read(line)
      // Lines that tell something else may come at any time.
      ports.mqtt = Number(mqtt ?? ports.mqtt)
      ports.pull = ports.push = ports.rig = Number(udp ?? ports.pull)
      ports.routes = ports.uu = Number(http ?? ports.routes)
      ports.ws = Number(ws ?? ports.ws)
      return ports.mqtt + ports.pull + ports.routes + ports.ws > 0
    }
  })
  return side(name, ports, child)
}

/** Debian's Mosquitto, without limits on what it queues: the load bounds what is under way. */
export async function mosquitto(name = 'Mosquitto', keeping: readonly string[] = ['persistence false']): Promise<Side> {
  const program = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/opt/homebrew/sbin/mosquitto'].find((path) => existsSync(path))
  if (program === undefined) throw new Missing('Mosquitto: apt-get install mosquitto')
  const mqtt = await freeTcpPort()
  const file = join(scratch, `mosquitto-${files++}.conf`)
  const lines = [
    // Started by root it would become a user who may not write there.
    ...(getuid?.() === 0 ? ['user root'] : []),
    `listener ${mqtt} 127.0.0.1`,
    'allow_anonymous true',
    ...keeping,
    'max_inflight_messages 0',
    'max_queued_messages 0'
  ]
  writeFileSync(file, [...lines, 'set_tcp_nodelay true', 'log_dest stderr', ''].join('\n'))
  const child = await startChild({ file: program, args: ['-c', file], isReady: (line) => line.endsWith(' running') })
  await reachable(mqtt)
  return side(name, { ...none, mqtt }, child)
}

/** Node-RED from a folder of its own, with Mosquitto, or bare Aedes where that is missing, as its broker; both processes count. */
export async function nodeRed(): Promise<Side> {
  const folder = process.env['BENCH_NODE_RED'] ?? join(checkout, 'test/node-red')
  const program = join(folder, 'node_modules/node-red/red.js')
  if (!existsSync(program)) throw new Missing('Node-RED: npm install --prefix test/node-red, or set BENCH_NODE_RED to a folder that has it')
  const broker = await mosquitto().catch(() => nodePeer('bare Aedes', 'bare-aedes'))
  const ports = { ...none, mqtt: broker.ports.mqtt, push: await freeUdpPort() }
  const userDir = join(scratch, `node-red-${files++}`)
  mkdirSync(userDir)
  writeFileSync(join(userDir, 'flows.json'), JSON.stringify(flow({ udp: ports.push, mqtt: ports.mqtt })))
  writeFileSync(join(userDir, 'settings.cjs'), settings)
  const waiting = new Set(['Started flows', 'Connected to broker', 'udp listener at'])
  const child = await startChild({
    file: process.execPath,
    args: [program, '--userDir', userDir, '--settings', join(userDir, 'settings.cjs')],
    isReady: (line) => {
      for (const text of waiting) if (line.includes(text)) waiting.delete(text)
      return waiting.size === 0
    }
  }).catch(async (error: unknown) => {
    await broker.stop()
    throw error
  })
  return {
    ...side(`Node-RED + ${broker.name}`, ports, child),
    pids: [child.pid, ...broker.pids],
    stop: async () => {
      await child.stop()
      await broker.stop()
    }
  }
}

function side(name: string, ports: Ports, child: Child): Side {
  return { name, ports, pids: [child.pid], startedIn: child.startedIn, stop: () => child.stop() }
}

function isPort(instance: unknown): instance is keyof Ports {
  return typeof instance === 'string' && instance !== 'mqtt' && Object.hasOwn(none, instance)
}

/** A line that is JSON, else nothing. */
function read(line: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line)) as Record<string, unknown>
  } catch {
    return {}
  }
}

async function freeTcpPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

async function reachable(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() as unknown as undefined))
    socket.once('error', reject)
  })
}
