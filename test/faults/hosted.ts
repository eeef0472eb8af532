import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folder, write } from '../process/program.js'
import type { Figures, Order, Started } from './host.js'

/** A gateway in a process of its own, so that its memory is its own. */
export class Hosted {
  readonly #child: ChildProcess
  readonly started: Started

  private constructor(child: ChildProcess, started: Started) {
    this.#child = child
    this.started = started
  }

  /** `config`: YAML, whole. */
  static async start(config: string): Promise<Hosted> {
    const file = write(join(folder(), 'rig.yaml'), config)
    const child = fork(fileURLToPath(new URL('host.js', import.meta.url)), [file, 'real'], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    const [started] = (await once(child, 'message')) as [Started]
    return new Hosted(child, started)
  }

  async figures(): Promise<Figures> {
    this.#child.send('figures' satisfies Order)
    const [message] = (await once(this.#child, 'message')) as [Figures]
    return message
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.send('stop' satisfies Order)
    await ended
  }
}
