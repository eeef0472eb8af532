import type { AedesPublishPacket, PublishPacket } from 'aedes'
import { pulseTopic } from '../topic.js'
import type { Emitter } from './emitter.js'

/** A message of the gateway to itself, all the way through the broker: a mere timer would go on when the broker does not. */
export class Pulse {
  readonly #publish: (packet: PublishPacket) => void
  #waiting: (() => void)[] = []

  constructor(emitter: Emitter<AedesPublishPacket>, publish: (packet: PublishPacket) => void) {
    this.#publish = publish
    emitter.on(pulseTopic, (_packet, done) => {
      for (const resolve of this.#waiting.splice(0)) resolve()
      done()
    })
  }

  /** Resolves when it came round; never, when it does not: who asks has a time limit, and asks again only after the last answer. */
  async beat(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting = [resolve]
      this.#publish({ cmd: 'publish', topic: pulseTopic, payload: '', qos: 0, retain: false, dup: false })
    })
  }
}
