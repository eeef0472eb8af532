/** The thread that makes the files of one run: see finisher.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { finishRun } from './finish.js'
import type { Job } from './finish.js'

parentPort?.postMessage({})
try {
  parentPort?.postMessage({ finished: await finishRun(workerData as Job) })
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException
  parentPort?.postMessage({ error: message, code })
}
