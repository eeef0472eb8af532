/** One codename as a chart needs it: its history for the time shown, and what comes live behind it. */
import { after } from '../clock.js'
import type { Timer } from '../clock.js'
import { store } from '../store.js'
import { troubleOf } from '../ui.js'
import type { Trouble } from '../ui.js'
import type { Ref } from './address.js'
import { Track } from './data.js'
import { loadHistory } from './loader.js'
import { ask, isOutgrown } from './range.js'
import type { Ask, Window } from './range.js'
import { fromReading } from './sample.js'
import type { ReadingLike } from './sample.js'

/** Seconds that a hand may go on zooming before the history is asked. */
const debounce = 0.15

/** Seconds until a question that failed is asked again. */
const retry = 5

/** Seconds by which the page's clock may be behind that of the gateway: what is measured in them is asked for too. */
const behind = 2

/** Seconds after the connection was made in which what is retained may still come: of that no watcher is told. */
const settling = 3

/** Seconds between two questions that only make room for what comes live. */
const refresh = 10

export class Feed {
  readonly ref: Ref
  readonly track = new Track()
  /** Why there is no history. */
  trouble: Trouble | undefined
  readonly #changed: (isUrgent: boolean) => void
  readonly #stops: (() => void)[] = []
  #wanted: Ask | undefined
  #asked = -Infinity
  #question: AbortController | undefined
  #timer: Timer | undefined
  /** Since when the connection stands on which everything came so far; undefined: it is lost, and the line was ended there. */
  #since: number | undefined
  /** When it was last seen to stand. */
  #known: number

  /** What comes live is shown with the next frame; `isUrgent`: what somebody waits for is here. */
  constructor(ref: Ref, changed: (isUrgent: boolean) => void) {
    this.ref = ref
    this.#changed = changed
    const { state, since } = store.connection
    this.#since = state === 'connected' ? since : undefined
    this.#known = store.now()
    this.#stops.push(
      store.watch(ref.device, ref.codename, (reading) => {
        // A hidden page is told of no changes, but goes on taking readings: an outage must be seen before the first one behind it.
        this.#look()
        this.#take(reading, store.now())
      }),
      store.onChange(() => this.#look())
    )
    this.#seed()
  }

  get isLoading(): boolean {
    return this.#question !== undefined || this.#timer !== undefined
  }

  /** What is shown: asks the history where it must be asked for that. */
  show(window: Window, pixels: number, isLive: boolean): void {
    this.#look()
    const now = store.now()
    const { step, tailed } = this.track
    const isFull = isLive && tailed > Math.max(1000, 2 * pixels) && now - this.#asked > refresh
    if (!isFull && !isOutgrown(this.#wanted, window, pixels, now, step > 0 || this.isLoading, isLive)) return
    this.#wanted = ask(window, pixels, now + behind)
    this.#ask(this.#asked === -Infinity ? 0 : debounce)
  }

  stop(): void {
    this.#forget()
    for (const stop of this.#stops) stop()
  }

  #forget(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#question?.abort()
    this.#question = undefined
  }

  #ask(wait: number): void {
    this.#forget()
    // Without a history there is what came since the page was opened.
    if (store.info()?.history === false || this.#wanted === undefined) return
    // What comes between the answer and the first connection would be missing: it is asked when that stands.
    if (store.connection.state === 'connecting') return
    this.#timer = after(wait, () => {
      this.#timer = undefined
      void this.#load()
    })
  }

  async #load(): Promise<void> {
    const wanted = this.#wanted
    if (wanted === undefined) return
    const question = new AbortController()
    this.#question = question
    this.#asked = store.now()
    try {
      const loaded = await loadHistory(this.ref, wanted, question.signal)
      if (question.signal.aborted) return
      this.track.load(loaded)
      this.trouble = undefined
    } catch (error) {
      if (question.signal.aborted) return
      this.trouble = troubleOf(error)
      if (this.trouble.retryable === true) this.#ask(retry)
    } finally {
      if (this.#question === question) this.#question = undefined
    }
    this.#change(true)
  }

  #take(reading: ReadingLike, since: number | undefined): void {
    const sample = fromReading(reading, since)
    if (sample !== undefined && this.track.add(sample, store.now())) this.#change(false)
  }

  /** The reading that is there already. When it became stale is not told; it was not before it was too old. */
  #seed(): void {
    const view = store.find(this.ref.device, this.ref.codename)
    const { reading, meta } = view ?? {}
    if (reading === undefined) return
    const measured = fromReading(reading)?.measured
    this.#take(reading, measured === undefined || meta?.maxAge === undefined ? undefined : Math.min(measured + meta.maxAge, store.now()))
  }

  /** Was the connection lost, or made anew? Nothing tells when; both may have been since it was last looked at. */
  #look(): void {
    const { state, since } = store.connection
    const now = state === 'connected' ? since : undefined
    const had = this.#since
    const known = this.#known
    this.#since = now
    if (now !== undefined) this.#known = store.now()
    if (now === had) {
      if (now !== undefined && this.#known - now < settling) this.#seed()
      return
    }
    if (had !== undefined) this.track.cut(now === undefined ? since : known)
    if (now !== undefined) {
      this.#seed()
      // What was missed is in the history: asked for with the next frame, up to then.
      this.#forget()
      this.#wanted = undefined
    }
    this.#change(true)
  }

  #change(isUrgent: boolean): void {
    this.#changed(isUrgent)
  }
}
