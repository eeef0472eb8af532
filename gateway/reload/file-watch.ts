import { stat } from 'node:fs/promises'
import type { FSWatcher } from 'chokidar'
import type { Clock, Watch } from '../adapter.js'
import { same } from './same.js'
import { foldersOf, trailOf } from './trail.js'

/** Seconds without an event until the file is taken for written, and seconds after which it is looked at all the same. */
const usuallySettled = 0.5
const longest = 10

/** So many times that between two looks at the folders: five seconds. */
const looks = 10

export interface FileWatchOptions {
  readonly clock: Clock
  readonly file: string
  /** Seconds without an event until it is taken for written. */
  readonly settled?: number
  /** It was written, replaced, or is gone. */
  readonly changed: () => void
  readonly onError: (error: Error) => void
}

/**
 * Tells when a file has changed: written in place, replaced by another of its name, or where a link on the way to it leads elsewhere. The
 * folders are watched, not the file, as most editors put a new file in its place. The file is not polled; whether its folders are still those
 * that are watched is looked at every few seconds: who replaces a folder, or mounts another there, is told nothing of by the system.
 */
export class FileWatch {
  readonly #options: FileWatchOptions
  #watcher: FSWatcher | undefined
  #trail: ReadonlySet<string> = new Set()
  /** What is watched: each folder, and which one it is. */
  #folders = new Map<string, string>()
  #timer: Watch | undefined
  #looking: Watch | undefined
  /** Monotonic seconds of the first event that was not told. */
  #since: number | undefined
  #tracing: Promise<void> | undefined
  #isStopped = false

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  /** Resolves when it watches. Never rejects. */
  async start(): Promise<void> {
    await this.#trace()
    this.#look()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#looking?.cancel()
    await this.#tracing
    await this.#watcher?.close()
  }

  #look(): void {
    if (this.#isStopped) return
    const { clock, settled = usuallySettled } = this.#options
    this.#looking = clock.after(settled * looks, () => {
      this.#look()
      void this.#trace()
    })
  }

  #event(): void {
    if (this.#isStopped) return
    const { clock, changed, settled = usuallySettled } = this.#options
    const now = clock.monotonic()
    this.#since ??= now
    this.#timer?.cancel()
    const left = Math.min(settled, Math.max(0, this.#since + longest - now))
    this.#timer = clock.after(left, () => {
      this.#since = undefined
      void this.#trace()
      changed()
    })
  }

  /** A link may lead to another folder now, or there is another folder of the name. One at a time: a file system may hang. */
  async #trace(): Promise<void> {
    this.#tracing ??= this.#follow()
      .catch((error: unknown) => this.#options.onError(error as Error))
      .finally(() => (this.#tracing = undefined))
    await this.#tracing
  }

  async #follow(): Promise<void> {
    const trail = await trailOf(this.#options.file)
    const folders = await identitiesOf(foldersOf(trail))
    if (this.#isStopped || (same(folders, this.#folders) && this.#watcher !== undefined)) return
    this.#trail = trail
    this.#folders = folders
    const { watch } = await import('chokidar')
    await this.#watcher?.close()
    if (this.#isStopped) return
    const watcher = watch([...folders.keys()], {
      depth: 0,
      ignoreInitial: true,
      followSymlinks: false,
      usePolling: false,
      atomic: false,
      ignored: (path) => !this.#folders.has(path) && !this.#trail.has(path)
    })
    this.#watcher = watcher
    watcher.on('all', () => this.#event())
    watcher.on('error', (error) => this.#options.onError(error as Error))
    await new Promise<void>((resolve) => watcher.once('ready', resolve))
    // It may have changed before anybody looked.
    this.#event()
  }
}

/** Which folder it is; empty: there is none. With its birth, as the number of one that was removed is soon given to another. */
async function identitiesOf(folders: Iterable<string>): Promise<Map<string, string>> {
  const found = [...folders].map(async (path): Promise<[string, string]> => {
    const status = await stat(path, { bigint: true }).catch(() => undefined)
    return [path, status === undefined ? '' : [status.dev, status.ino, status.birthtimeNs].join(':')]
  })
  return new Map(await Promise.all(found))
}
