/** Asks the gateway for history: a few questions at a time, for a page may show hundreds of sparklines. */
import { api } from '../api.js'
import { store } from '../store.js'
import { historyPath } from './address.js'
import type { Ref } from './address.js'
import type { Loaded } from './data.js'
import type { Ask } from './range.js'
import type { HistoryAnswer } from './sample.js'

/** Questions under way at a time: a browser opens six connections to one host, and commands and pages need theirs. */
const most = 3

let underway = 0
const waiting: (() => void)[] = []

async function turn(signal: AbortSignal): Promise<void> {
  if (underway >= most) {
    await new Promise<void>((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', stop)
        resolve()
      }
      const stop = (): void => {
        const place = waiting.indexOf(start)
        if (place >= 0) waiting.splice(place, 1)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', stop)
      waiting.push(start)
    })
  }
  underway += 1
}

export async function loadHistory(ref: Ref, ask: Ask, signal: AbortSignal): Promise<Loaded> {
  await turn(signal)
  try {
    signal.throwIfAborted()
    const asked = store.now()
    const answer = await api.get<HistoryAnswer>(historyPath(ref, ask), signal)
    return { window: ask, answer, asked }
  } finally {
    underway -= 1
    waiting.shift()?.()
  }
}
