import { Worker } from 'node:worker_threads'
import type { Finished, Job } from './finish.js'

/** MiB of its heap: what it holds does not grow with the run. */
const maxHeap = 256

interface Waiting {
  readonly job: Job
  readonly resolve: (finished: Finished) => void
  readonly reject: (error: Error) => void
}

/**
 * Makes the files of runs that have ended, one run at a time, in a thread of its own: a run may have gigabytes, and no reading must wait.
 */
export class Finisher {
  readonly #maxHeap: number
  readonly #waiting: Waiting[] = []
  #worker: Worker | undefined
  #begun: Promise<unknown> = Promise.resolve()
  #isStopped = false

  constructor(heap = maxHeap) {
    this.#maxHeap = heap
  }

  /** What takes more memory than there is, is made without tables and report. Rejects with what the disk says, or when it is stopped. */
  async finish(job: Job): Promise<Finished> {
    return await new Promise((resolve, reject) => {
      if (this.#isStopped) return reject(new Error('the gateway is stopping'))
      this.#waiting.push({ job, resolve, reject })
      this.#next()
    })
  }

  /** What is not ready yet is made after the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('the gateway is stopping'))
    // One that is ended while Node loads it leaves files open.
    await this.#begun
    await this.#worker?.terminate()
  }

  #next(): void {
    if (this.#worker !== undefined) return
    const next = this.#waiting.shift()
    if (next === undefined) return
    const worker = new Worker(new URL('./finish-thread.js', import.meta.url), {
      workerData: next.job,
      resourceLimits: { maxOldGenerationSizeMb: this.#maxHeap }
    })
    this.#worker = worker
    let said: { readonly finished?: Finished; readonly error?: string; readonly code?: string } | undefined
    let failure: Error | undefined
    this.#begun = new Promise((resolve) => {
      worker.once('message', resolve)
      worker.once('exit', resolve)
    })
    worker.on('message', (message: typeof said) => (said = message))
    worker.on('error', (error) => (failure = error))
    worker.once('exit', () => {
      this.#worker = undefined
      if (said?.finished !== undefined) next.resolve(said.finished)
      else if (isTooLarge(failure) && next.job.isBare !== true && !this.#isStopped)
        this.#waiting.unshift({ ...next, job: { ...next.job, isBare: true } })
      else next.reject(failure ?? Object.assign(new Error(said?.error ?? 'it was stopped'), { code: said?.code }))
      this.#next()
    })
  }
}

function isTooLarge(error: Error | undefined): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY'
}
