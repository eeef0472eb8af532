/** The thread that makes one description: see describer.ts. */
import { parentPort } from 'node:worker_threads'
import type { Described, DescribedDevice } from './described.js'
import { describeAs } from './index.js'
import type { FormatName } from './index.js'

/** The devices come one by one as JSON, so that copying them holds nobody up; then the rest, and what is wanted. */
export type ToThread = { readonly device: string } | { readonly format: FormatName; readonly described: Omit<Described, 'devices'> }

const devices: DescribedDevice[] = []

parentPort?.on('message', (message: ToThread) => {
  if ('device' in message) {
    devices.push(JSON.parse(message.device) as DescribedDevice)
    return
  }
  void make(message.format, { ...message.described, devices })
})

async function make(format: FormatName, described: Described): Promise<void> {
  const text = new TextEncoder().encode(await describeAs(format, described))
  parentPort?.postMessage(text, [text.buffer])
  parentPort?.close()
}
