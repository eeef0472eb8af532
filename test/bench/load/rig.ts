/** Experiment computers that tell a rig one thing after another over UDP, each as soon as it has the echo of what it told before. */
import type { Socket } from 'node:dgram'
import type { Job, Result } from './job.js'
import { lockStep } from './lock-step.js'
import { connected } from './pull.js'

/** Milliseconds after which an echo does not come any more. A real peer gives up after one second; here it would only hide how late it was. */
const patience = 3000

export async function rig({ port, controllers, seconds, messages = Infinity }: Job & { kind: 'rig' }): Promise<Result> {
  const left = { messages }
  const askers = await Promise.all(Array.from({ length: controllers }, async (_, i) => new Controller(await connected(port), i)))
  return await lockStep(seconds, askers, () => (left.messages -= 1) >= 0)
}

class Controller {
  readonly #socket: Socket
  readonly #number: number
  #said = 0
  #text = ''
  #heard: (isEcho: boolean) => void = () => {}

  constructor(socket: Socket, number: number) {
    this.#socket = socket
    this.#number = number
    socket.on('message', (datagram) => {
      if (datagram.toString('latin1') === this.#text) this.#heard(true)
    })
  }

  /** No two messages are alike: a rig does not echo the same again and again. */
  async ask(): Promise<boolean> {
    this.#text = `[64, 20, {"controller": ${this.#number}, "n": ${(this.#said += 1)}}]`
    return await new Promise((resolve) => {
      const timer = setTimeout(() => this.#heard(false), patience)
      this.#heard = (isEcho) => {
        clearTimeout(timer)
        this.#heard = () => {}
        resolve(isEcho)
      }
      this.#socket.send(this.#text)
    })
  }

  close(): void {
    this.#socket.close()
  }
}
