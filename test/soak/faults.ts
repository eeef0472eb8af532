/** What goes wrong, one a minute. */
import { execFileSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { connectAsync } from 'mqtt'
import { Random } from '../faults/random.js'
import type { Cable } from '../support/cable.js'
import { pause } from './audit.js'
import type { Audit } from './audit.js'
import type { Plant } from './plant.js'

/** All that a fault can reach. */
export interface Scene {
  readonly near: Plant
  readonly far: Plant
  readonly audit: Audit
  readonly frozen: ChildProcess
  readonly cables: readonly Cable[]
  /** Of the relays: whether datagrams get lost, come twice and change places. */
  readonly weather: { isBad: boolean }
  /** File that says what names mean; see inside.ts. */
  readonly names: string
  readonly ports: Readonly<Record<string, number>>
  /** Tears every connection of the crowd. */
  readonly resetCrowd: () => void
}

export interface Fault {
  readonly name: string
  /** Over, and undone, when it resolves: within 45 s. */
  run(scene: Scene): Promise<void>
}

const random = new Random(Date.now())

export const faults: readonly Fault[] = [
  {
    name: 'kill -9',
    run: async ({ near, audit }) => {
      await near.kill('SIGKILL')
      await near.start()
      await audit.checkRetained()
    }
  },
  {
    name: 'SIGSTOP for 5 s',
    run: async ({ near }) => {
      near.signal('SIGSTOP')
      await pause(5000)
      near.signal('SIGCONT')
    }
  },
  {
    name: 'frozen subscriber',
    run: async ({ frozen }) => {
      frozen.kill('SIGSTOP')
      await pause(40_000)
      frozen.kill('SIGCONT')
    }
  },
  {
    name: 'far end gone',
    run: async ({ far }) => {
      await far.kill('SIGKILL')
      await pause(15_000)
      await far.start()
    }
  },
  {
    name: 'bad network',
    run: async ({ weather }) => {
      weather.isBad = true
      await pause(35_000)
      weather.isBad = false
    }
  },
  {
    name: 'resets',
    run: async ({ resetCrowd, cables }) => {
      for (let i = 0; i < 3; i++) {
        resetCrowd()
        for (const cable of cables) cable.pull()
        await pause(5000)
        for (const cable of cables) cable.plug()
        await pause(5000)
      }
    }
  },
  { name: 'bad input', run: async ({ ports }) => await spray(Object.values(ports)) },
  { name: 'retained flood', run: async ({ ports }) => await flood(ports['mqtt'] as number) },
  {
    name: 'names gone',
    run: async ({ names, cables }) => {
      writeFileSync(names, 'gone')
      for (const cable of cables) cable.pull()
      await pause(10_000)
      for (const cable of cables) cable.plug()
      writeFileSync(names, 'hangs')
      await pause(15_000)
      rmSync(names)
    }
  },
  {
    name: 'half-open far end',
    run: async ({ cables }) => {
      for (const cable of cables) cable.freeze()
      await pause(30_000)
      for (const cable of cables) cable.thaw()
    }
  },
  {
    name: 'full disk',
    run: async ({ near }) => {
      // The soft limit of the size of a file, which takes no right to raise again.
      const limit = (bytes: string): void => void execFileSync('prlimit', ['--pid', String(near.pid), `--fsize=${bytes}:`])
      limit('0')
      await pause(15_000)
      limit('unlimited')
    }
  }
]

/** What no client of theirs says, to every port. */
async function spray(ports: readonly number[]): Promise<void> {
  const udp = createSocket('udp4')
  udp.on('error', () => {})
  for (let round = 0; round < 10; round++) {
    for (const port of ports) {
      for (let i = 0; i < 50; i++)
        udp.send(random.chance(0.5) ? random.text(random.below(300)) : random.bytes(random.below(1400)), port, '127.0.0.1', () => {})
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      // Some hang up at once, some after they were answered, some never.
      socket.write(
        random.chance(0.3) ? Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n') : random.bytes(random.below(5000))
      )
      setTimeout(() => socket.destroy(), random.below(8000))
    }
    await pause(1000)
  }
  udp.close()
}

/** Retains 20,000 topics and forgets them. */
async function flood(port: number): Promise<void> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 500 })
  client.on('error', () => {})
  for (const payload of ['x'.repeat(200), ''])
    for (let i = 0; i < 20_000; i += 200)
      await Promise.all(
        Array.from({ length: 200 }, async (_, j) => await client.publishAsync(`soak/flood/${i + j}`, payload, { qos: 1, retain: true }))
      )
  client.end(true)
}
