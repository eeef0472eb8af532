/** A rig-server without a gateway, and one controller, over a network under a standing clock. */
import type { Exact, Request, Watch } from '../../../gateway/adapter.js'
import { FakeHost } from '../../../test/support/fake-host.js'
import { Conduct } from '../conduct.js'
import { Controller } from '../controller.js'
import { Controllers } from '../controllers.js'
import type { RigServerConfig } from '../types.js'
import { Network } from './network.js'
import type { Faults } from './network.js'

class AskedHost extends FakeHost {
  readonly asked: string[] = []

  override request({ device, codename }: Request): Promise<Exact> {
    this.asked.push(`${device}/${codename}`)
    return Promise.resolve(null)
  }
}

export class StormLab {
  readonly host = new AskedHost({ devices: new Map() })
  readonly clock = this.host.clock
  readonly network: Network
  /** What the other end gets. */
  receive: (bytes: Buffer) => void = () => undefined
  /** The other end says something. */
  readonly write: (bytes: Buffer) => void
  readonly #conduct: Conduct
  readonly #controllers: Controllers

  constructor(faults: Faults, answers: RigServerConfig['answers']) {
    const { clock, host } = this
    this.network = new Network(clock, faults)
    const config: RigServerConfig = {
      id: 'stage',
      type: 'rig-server',
      host: '127.0.0.1',
      port: 0,
      transports: ['udp'],
      device: 'stage',
      answers,
      answerWithin: 8.5,
      info: {},
      status: null,
      expRef: null,
      maxControllers: 100,
      maxEchoBytes: null,
      maxRate: 100,
      alyx: 'refuse',
      readOnly: false
    }
    this.#controllers = new Controllers({ clock, max: 100, idleAfter: () => 900, onChange: () => undefined, onEvicted: () => undefined })
    this.#conduct = new Conduct({ config, host, controllers: this.#controllers })
    const controller = new Controller({
      transport: 'udp',
      name: '127.0.0.1:1',
      clock,
      maxEchoBytes: null,
      write: this.network.to(() => (bytes) => this.receive(bytes)),
      hangUp: () => undefined,
      onPayload: (from, payload, bytes) => this.#conduct.take(from, payload, bytes),
      onCount: () => undefined
    })
    this.#controllers.add(controller)
    this.write = this.network.to(() => (bytes) => controller.peer.receive(bytes))
    this.#conduct.start()
  }

  after(seconds: number, run: () => void): Watch {
    return this.clock.after(seconds, run)
  }
}
