import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Logger, Watch } from '../adapter.js'
import { formatTime } from '../time.js'
import { shownRun } from './archive.js'
import { why } from './disk.js'
import { Finisher } from './finisher.js'
import type { Recording } from './recording.js'
import type { Run } from './types.js'

export interface CompletionOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Of all runs. */
  readonly folder: string
  readonly changed: () => void
}

/** Something is wrong with a run. */
export interface RunProblem {
  readonly run: string
  readonly reason: string
  /** Unix seconds. */
  readonly since: number
}

/** What the state of the gateway says of them; undefined: all is well. */
export function runsTrouble(problems: readonly RunProblem[]): string | undefined {
  if (problems.length === 0) return undefined
  return problems.map(({ run, reason }) => `the run ${run} cannot be written (${reason})`).join('; ')
}

/** A run that has ended, while its files are made. */
export interface Ended {
  run: Run
  /** Resolves when what was recorded is on disk, or the first try to bring it there has failed. */
  readonly kept: Promise<void>
  /** Resolves when they are made, or never will be by this run of the gateway. Never rejects. */
  readonly done: Promise<void>
}

interface Open extends Ended {
  readonly recording: Recording | undefined
  trouble: Omit<RunProblem, 'run'> | undefined
  done: Promise<void>
}

/** Seconds from a failed try to make the files to the next; doubled each time. */
const again = { first: 2, most: 600 }

/** From the end of a run to its manifest: again and again, while the disk refuses. */
export class Completion {
  readonly #options: CompletionOptions
  readonly #finisher = new Finisher()
  readonly #open = new Map<string, Open>()
  /** Waits for the next try, and what goes on then. */
  readonly #retries = new Map<Watch, () => void>()
  #isStopped = false

  constructor(options: CompletionOptions) {
    this.#options = options
  }

  /** `recording` left out: an earlier run of the gateway left it. */
  add(id: string, run: Run, recording?: Recording): Ended {
    let tell = (): void => {}
    const kept = new Promise<void>((resolve) => (tell = resolve))
    const open: Open = { run, recording, trouble: undefined, kept, done: Promise.resolve() }
    this.#open.set(id, open)
    open.done = this.#make(id, open, tell).finally(tell)
    return open
  }

  runs(): Run[] {
    return Array.from(this.#open.values(), ({ run }) => run)
  }

  find(id: string): Run | undefined {
    return this.#open.get(id)?.run
  }

  problems(): RunProblem[] {
    return Array.from(this.#open, ([run, { trouble }]) => (trouble === undefined ? [] : [{ run, ...trouble }])).flat()
  }

  /** Resolves when all files are made, or after so many seconds. */
  async idle(within: number): Promise<void> {
    await inSeconds(Promise.all(Array.from(this.#open.values(), ({ done }) => done)), within, this.#options.clock)
  }

  /** What is not ready yet is made after the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const [watch, go] of this.#retries) {
      watch.cancel()
      go()
    }
    this.#retries.clear()
    await this.#finisher.stop()
    const open = Array.from(this.#open.values())
    await Promise.all(open.map(async ({ done }) => await done))
    await Promise.all(open.map(async ({ recording }) => await recording?.release()))
  }

  async #make(id: string, open: Open, kept: () => void): Promise<void> {
    const { clock, log, changed } = this.#options
    const folder = join(this.#options.folder, id)
    const { run, recording } = open
    for (let wait = again.first; !this.#isStopped; wait = Math.min(wait * 2, again.most)) {
      try {
        await recording?.close()
        kept()
        const { record } = await this.#finisher.finish({ folder, now: formatTime(clock.now()) })
        open.run = shownRun(record, true)
        if (open.trouble !== undefined) log.info({ run: id }, 'the files of a run are made now')
        break
      } catch (error) {
        if (this.#isStopped) return
        const reason = why(error)
        // Somebody took the folder away, or has changed what was recorded: there is nothing to complete.
        const { code } = error as NodeJS.ErrnoException
        const isGone = (code === 'ENOENT' && !existsSync(folder)) || code === 'ALTERED'
        log.error({ run: id, folder, reason }, `the files of a run could not be made${isGone ? '' : `; tried again in ${wait} s`}`)
        open.run = { ...run, state: 'failed', reason: `${run.reason ?? 'cut off'}; its files could not be made: ${reason}` }
        if (isGone) {
          await recording?.release()
          break
        }
        open.trouble = { reason: `its files could not be made: ${reason}`, since: open.trouble?.since ?? clock.now() }
        changed()
        kept()
        await this.#wait(wait)
      }
    }
    this.#open.delete(id)
    changed()
  }

  /** Ends at once when the gateway stops. */
  async #wait(seconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const watch = this.#options.clock.after(seconds, () => {
        this.#retries.delete(watch)
        resolve()
      })
      this.#retries.set(watch, resolve)
    })
  }
}

/** Resolves when this does, or after so many seconds. */
export async function inSeconds(promise: Promise<unknown>, seconds: number, clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = clock.after(seconds, resolve)
    void promise.then(() => {
      timer.cancel()
      resolve()
    })
  })
}
