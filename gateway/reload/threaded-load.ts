import { Worker } from 'node:worker_threads'
import type { Clock } from '../adapter.js'
import { ConfigError } from '../config.js'
import type { Checked } from '../config.js'
import { GatewayError } from '../errors.js'
import { nextTurn } from '../history/turn.js'
import type { FromThread, ToRead } from './load-thread.js'
import { Joined } from './pieces.js'

/** Seconds that reading and checking may take, on the slowest of computers with ten thousand codenames; a file system that hangs takes longer. */
const within = 120

/**
 * Reads and checks the file in a thread of its own: ten thousand codenames take seconds, in which no reading may wait. What is good comes
 * piece by piece, and others come in between. Rejects with a ConfigError.
 */
export async function loadInThread(toRead: ToRead, clock: Clock, signal: AbortSignal): Promise<Checked> {
  signal.throwIfAborted()
  const worker = new Worker(new URL('./load-thread.js', import.meta.url), { workerData: toRead })
  const end = (): void => void worker.terminate()
  let isLate = false
  const timer = clock.after(within, () => {
    isLate = true
    end()
  })
  signal.addEventListener('abort', end)
  const joined = new Joined()
  try {
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (told: FromThread) => {
        if ('problems' in told) return reject(new ConfigError(told.problems))
        if ('end' in told) return resolve()
        joined.add(told.piece)
        // Whatever came meanwhile has its turn first.
        void nextTurn().then(() => worker.postMessage('next'))
      })
      worker.once('error', reject)
      const why = (): string => (isLate ? `the file could not be read and checked within ${within} s` : 'reading the file was ended')
      worker.once('exit', () => reject(new GatewayError('Unreachable', why())))
      worker.postMessage('next')
    })
    return joined.checked
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', end)
    await worker.terminate()
  }
}
