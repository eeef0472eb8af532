/** Plays a recorded controller at our rig. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Outcome } from '../run.js'
import { misfit, shown } from './fits.js'
import { serveRig } from './serving.js'
import type { Step, Transcript } from './transcript.js'
import { dial } from './wire.js'
import type { Wire } from './wire.js'

/** Seconds for what must come, and for what need not. */
const patience = { must: 3, may: 0.6 } as const

/** Milliseconds between two steps that need not be waited for. */
const atOnce = 15

/** Seconds in which nothing more comes. */
const silence = 0.1

/** A status that every rig echoes. */
const alive = Buffer.from('[32, 0]')

export async function playServed(transcript: Transcript): Promise<Outcome> {
  const { setup, transport, owed } = transcript
  const program = setup[0]
  if (program === undefined) return { problems: ['no program is set up'], better: [], unreachable: undefined }
  const rig = await serveRig(program, transport)
  const controllers = new Controllers(transport, rig.port)
  const isExact = owed === 'same' || owed === 'effect'
  try {
    const differences = await playSteps(transcript, controllers, isExact)
    const surplus = isExact ? await controllers.surplus() : []
    const { delivered } = rig
    if (delivered !== transcript.delivered) differences.push(`${delivered} events are delivered, ${transcript.delivered} by the original`)
    if (isExact) return { problems: [...differences, ...surplus], better: [], unreachable: undefined }
    const dead = await unserved(transcript, rig.port)
    return { problems: dead === undefined ? [] : [dead], better: differences, unreachable: undefined }
  } finally {
    controllers.close()
    await rig.close()
  }
}

async function playSteps({ steps }: Transcript, controllers: Controllers, isExact: boolean): Promise<string[]> {
  const differences: string[] = []
  let before = 0
  for (const [i, step] of steps.entries()) {
    const wait = step.at - before
    before = step.at
    if (step.from === 'client') {
      if (wait > atOnce) await delay(wait)
      await controllers.act(step)
    } else if (step.bytes !== undefined) {
      const wire = await controllers.wire(step.peer)
      const problem = misfit(step, await wire.next(wait / 1000 + (isExact ? patience.must : patience.may), step.bytes))
      if (problem !== undefined) differences.push(`step ${i + 1}: ${problem}`)
      if (problem !== undefined && isExact) break
    } else if (!isExact) differences.push(`step ${i + 1}: the original closes (${step.event ?? 'nothing'}); this rig lives on`)
  }
  return differences
}

/** Undefined when a controller that comes now is served. */
async function unserved({ transport }: Transcript, port: number): Promise<string | undefined> {
  const wire = await dial(transport, port)
  try {
    wire.send(alive)
    const echo = await wire.next(patience.must, alive)
    return echo?.equals(alive) === true
      ? undefined
      : `afterwards a new controller is not served: ${echo === undefined ? 'silence' : shown(echo)}`
  } finally {
    wire.close()
  }
}

class Controllers {
  readonly #transport: 'udp' | 'tcp'
  readonly #port: number
  readonly #wires = new Map<string, Wire>()

  constructor(transport: 'udp' | 'tcp', port: number) {
    this.#transport = transport
    this.#port = port
  }

  async wire(peer: string): Promise<Wire> {
    const wire = this.#wires.get(peer) ?? (await dial(this.#transport, this.#port))
    this.#wires.set(peer, wire)
    return wire
  }

  async act({ peer, bytes, event }: Step): Promise<void> {
    const wire = await this.wire(peer)
    if (bytes !== undefined) return wire.send(bytes)
    if (event === 'connect') return
    this.#wires.delete(peer)
    if (event === 'reset') wire.reset()
    else wire.close()
  }

  /** What nobody expected. */
  async surplus(): Promise<string[]> {
    const came = await Promise.all(Array.from(this.#wires.values(), async (wire) => await wire.next(silence)))
    return came.flatMap((bytes) => (bytes === undefined ? [] : [`at the end: ${shown(bytes)}, expected nothing`]))
  }

  close(): void {
    for (const wire of this.#wires.values()) wire.close()
  }
}
