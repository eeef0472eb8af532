import type { FSWatcher } from 'chokidar'
import type { Clock, Watch } from '../adapter.js'
import { foldersOf, trailOf } from './trail.js'

/** Seconds without an event until the file is taken for written, and seconds after which it is looked at all the same. */
const usuallySettled = 0.5
const longest = 10

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
 * folders are watched, not the file, as most editors put a new file in its place. Nothing is polled.
 */
export class FileWatch {
  readonly #options: FileWatchOptions
  #watcher: FSWatcher | undefined
  #trail: ReadonlySet<string> = new Set()
  #folders: ReadonlySet<string> = new Set()
  #timer: Watch | undefined
  /** Monotonic seconds of the first event that was not told. */
  #since: number | undefined
  #tracing: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  /** Resolves when it watches. Never rejects. */
  async start(): Promise<void> {
    try {
      const { watch } = await import('chokidar')
      this.#trail = await trailOf(this.#options.file)
      this.#folders = foldersOf(this.#trail)
      if (this.#isStopped) return
      const watcher = watch([...this.#folders], {
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
    } catch (error) {
      this.#options.onError(error as Error)
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#watcher?.close()
    await this.#tracing
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
      this.#tracing = this.#trace()
      changed()
    })
  }

  /** A link may lead to another folder now. */
  async #trace(): Promise<void> {
    const trail = await trailOf(this.#options.file)
    const folders = foldersOf(trail)
    const [added, left] = [differing(folders, this.#folders), differing(this.#folders, folders)]
    this.#trail = trail
    this.#folders = folders
    if (this.#isStopped) return
    if (left.length > 0) this.#watcher?.unwatch(left)
    if (added.length > 0) this.#watcher?.add(added)
  }
}

function differing(one: ReadonlySet<string>, other: ReadonlySet<string>): string[] {
  return [...one].filter((path) => !other.has(path))
}
