/** One timer for all charts and sparklines of the page: as long as there are any, and only while somebody can see the page. */
import { every, monotonic } from '../clock.js'
import type { Timer } from '../clock.js'

interface Task {
  readonly run: () => void
  /** Milliseconds between two of its frames. */
  every: number
  due: number
}

/** Milliseconds: at most ten frames a second. */
const beat = 100

const tasks = new Set<Task>()
let timer: Timer | undefined
let isAsked = false

function frame(): void {
  isAsked = false
  const now = monotonic() * 1000
  for (const task of tasks) {
    if (task.due > now + beat / 4) continue
    task.due = now + task.every
    task.run()
  }
}

function tick(): void {
  // A browser draws no frame of a hidden page, and would hold this one until it is shown.
  if (isAsked || document.visibilityState === 'hidden') return
  isAsked = true
  requestAnimationFrame(frame)
}

export interface Frames {
  /** From now on so often. */
  pace(milliseconds: number): void
  /** At the next beat, whatever its pace. */
  soon(): void
  /** At once: a hand is waiting. */
  now(): void
  cancel(): void
}

/** Runs in an animation frame, every so many milliseconds. */
export function frames(milliseconds: number, run: () => void): Frames {
  const task: Task = { run, every: Math.max(milliseconds, beat), due: 0 }
  tasks.add(task)
  timer ??= every(beat / 1000, tick)
  return {
    pace: (next) => {
      task.every = Math.max(next, beat)
      task.due = Math.min(task.due, monotonic() * 1000 + task.every)
    },
    soon: () => {
      task.due = 0
    },
    now: () => {
      task.due = 0
      tick()
    },
    cancel: () => {
      tasks.delete(task)
      if (tasks.size > 0) return
      timer?.cancel()
      timer = undefined
    }
  }
}
