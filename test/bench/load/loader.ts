import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Job, Result } from './job.js'

/** The load process, seen from the bench. */
export class Loader {
  readonly #child: ChildProcess

  constructor() {
    this.#child = fork(fileURLToPath(new URL('main.js', import.meta.url)), { serialization: 'advanced' })
  }

  get pid(): number {
    return this.#child.pid as number
  }

  async run(job: Job): Promise<Result> {
    return await new Promise<Result>((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the load process ended with ${code}`))
      this.#child.once('exit', ended)
      this.#child.once('message', (result) => {
        this.#child.removeListener('exit', ended)
        resolve(result as Result)
      })
      this.#child.send(job)
    })
  }

  stop(): void {
    if (this.#child.connected) this.#child.disconnect()
  }
}
