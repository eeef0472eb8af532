/** The thread that reads and checks the configuration file: see threaded-load.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { adapterTypes } from '../../adapters/index.js'
import { ConfigError, loadConfig } from '../config.js'
import type { ConfigProblem } from '../config.js'
import type { Environment } from '../config/reader.js'
import { piecesOf } from './pieces.js'
import type { Piece } from './pieces.js'

/** What the thread is given. */
export interface ToRead {
  readonly file: string
  readonly env: Environment
}

/** One of it for each message that asks for one. */
export type FromThread = { readonly piece: Piece } | { readonly end: true } | { readonly problems: readonly ConfigProblem[] }

async function* read(): AsyncGenerator<FromThread> {
  try {
    const { file, env } = workerData as ToRead
    for (const piece of piecesOf(await loadConfig({ file, env, types: adapterTypes }))) yield { piece }
    yield { end: true }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    yield { problems: error.problems }
  }
}

const told = read()
parentPort?.on('message', () => {
  void told.next().then(({ done, value }) => {
    if (done === true) parentPort?.close()
    else parentPort?.postMessage(value)
  })
})
