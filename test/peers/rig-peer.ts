import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { project } from '../process/program.js'
import { python } from '../support/peers.js'

const script = join(project, 'test/peers/servers/rig_peer.py')

/** Milliseconds for what must happen. */
const patience = 15_000

/** What the program says happened; see servers/rig_peer.py. */
export type Happened = { readonly what: string } & Readonly<Record<string, unknown>>

/** servers/rig_peer.py: a rig, or an experiment PC with somebody at its keyboard. Everything it says is kept. */
export class RigPeer {
  readonly said: Happened[] = []
  readonly #child: ChildProcessWithoutNullStreams
  readonly #ended: Promise<number | null>
  readonly #looks = new Set<() => void>()
  readonly #taken = new Set<Happened>()
  #complaint = ''
  #isOver = false

  constructor(...options: string[]) {
    this.#child = spawn(python, [script, ...options])
    this.#child.stdin.on('error', () => {})
    this.#child.stderr.on('data', (text: Buffer) => (this.#complaint += text.toString()))
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.said.push(JSON.parse(line) as Happened)
      this.#look()
    })
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        this.#isOver = true
        resolve(code)
        this.#look()
      })
    })
  }

  /** A rig, listening. `--uri tcp://127.0.0.1:0` for TCP. */
  static async rig(...options: string[]): Promise<{ readonly peer: RigPeer; readonly port: number }> {
    const peer = new RigPeer('rig', ...options)
    const { port } = await peer.next('listening')
    return { peer, port: Number(port) }
  }

  /** An experiment PC that takes its steps from `do`. */
  static experiment(uri: string, ...options: string[]): RigPeer {
    return new RigPeer('controller', uri, '--stdin', ...options)
  }

  /** The first thing of this kind that it says, or has said, and that nobody took yet; takes it. */
  async next(what: string, fits?: (happened: Happened) => boolean): Promise<Happened> {
    return await this.#nextOf([what], fits)
  }

  /** One step of an experiment PC, to its end: a line that says `done` or `failed`. */
  async do(step: string): Promise<Happened> {
    this.#child.stdin.write(step + '\n')
    return await this.#nextOf(['done', 'failed'])
  }

  /** A message of a rig's own, to whoever spoke to it last. */
  push(message: readonly unknown[]): void {
    this.#child.stdin.write(JSON.stringify(message) + '\n')
  }

  /** After its last step; resolves with the exit code. */
  async ended(): Promise<number | null> {
    this.#child.stdin.end()
    return await this.#ended
  }

  async gone(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  async #nextOf(whats: readonly string[], fits: (happened: Happened) => boolean = () => true): Promise<Happened> {
    return await new Promise((resolve, reject) => {
      const settle = (run: () => void): void => {
        clearTimeout(timer)
        this.#looks.delete(look)
        run()
      }
      const fail = (why: string): void =>
        settle(() => reject(new Error(`${why}: ${whats.join(' or ')}; ${JSON.stringify(this.said)} ${this.#complaint}`)))
      const timer = setTimeout(() => fail('was not said'), patience)
      const look = (): void => {
        const found = this.said.find((each) => !this.#taken.has(each) && whats.includes(each.what) && fits(each))
        if (found !== undefined) {
          this.#taken.add(found)
          settle(() => resolve(found))
        } else if (this.#isOver) fail('ended before it was said')
      }
      this.#looks.add(look)
      look()
    })
  }

  #look(): void {
    for (const look of this.#looks) look()
  }
}
