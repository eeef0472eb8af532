/** What is written to the disk, and thus to an SD card. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as labs from './labs.js'
import { open, subscribePacket, type } from './load/wire.js'
import type { Line, Row } from './rows.js'
import { labgate } from './sides.js'
import type { Side } from './sides.js'
import { figure } from './table.js'

const devices = 100

/** Seconds that are measured. The history makes rows of its journal every five minutes: only then is 300 or more the whole truth. */
const seconds = Number(process.env['LABGATE_WEAR_SECONDS'] ?? 60)

/** Seconds before: rows that are written once, at start, do not count. After five minutes every part of the history has got its turn. */
const warmUp = Math.max(15, seconds)

const settings = [
  { record: 'every', durability: 'fast' },
  { record: 'every', durability: 'strict' },
  { record: '10', durability: 'fast' },
  { record: 'off', durability: 'fast' },
  { record: 'off', durability: 'strict' }
] as const

interface Measured {
  readonly side: Side
  /** Bytes that the process has made the disk write, of files; without what the file system adds. */
  readonly bytes: () => number
  /** Readings and their bytes, topic and payload. */
  readings: number
  payload: number
  close(): void
}

export const wear: Row = {
  name: 'wear',
  says:
    `bytes that the gateway makes the disk write, ${devices} simulated devices at 1 Hz, over ${seconds} s after ${warmUp} s, and ` +
    'what that would be in a day (extrapolated, without what the file system adds); in brackets, against the bytes of the readings themselves',
  run: async ({ nodeOptions }) => {
    const root = mkdtempSync(join(tmpdir(), 'labgate-bench-wear-'))
    const sides: Measured[] = []
    try {
      for (const [index, setting] of settings.entries()) {
        const name = `history ${setting.record === '10' ? 'every 10 s' : setting.record === 'off' ? 'off' : 'every reading'}, ${setting.durability}`
        const yaml = labs.worn(devices, join(root, String(index)), setting.record, setting.durability)
        sides.push(await measured(await labgate(yaml, { name, nodeOptions })))
      }
      await pause(warmUp)
      const before = sides.map((each) => ({ bytes: each.bytes(), readings: each.readings, payload: each.payload, at: performance.now() }))
      await pause(seconds)
      return sides.map(({ side, bytes, readings, payload }, index): Line => {
        const begun = before[index] as (typeof before)[number]
        const passed = (performance.now() - begun.at) / 1000
        const written = bytes() - begun.bytes
        if (written === 0) return ['wear', side.name, 'nothing: its folder is not on a disk, set TMPDIR']
        const [rate, day] = [(readings - begun.readings) / passed, (written / passed) * 86_400]
        return [
          'wear',
          `${side.name}: ${figure(rate)} readings/s`,
          `${figure(day / 1e9)} GB/day (${figure(written / (payload - begun.payload))} x)`
        ]
      })
    } finally {
      for (const each of sides) {
        each.close()
        await each.side.stop()
      }
      rmSync(root, { recursive: true, force: true })
    }
  }
}

async function measured(side: Side): Promise<Measured> {
  const found: Measured = { side, bytes: () => writtenBytes(side.pids[0] ?? 0), readings: 0, payload: 0, close: () => socket.destroy() }
  const socket = await open(side.ports.mqtt, 'bench-counter', (first, _buffer, start, end) => {
    if (first >> 4 !== type.publish) return
    found.readings += 1
    found.payload += end - start - 2
  })
  socket.write(subscribePacket('lab/+/+', 0))
  return found
}

function writtenBytes(pid: number): number {
  return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1])
}

async function pause(time: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, time * 1000))
}
