import type { Broker } from './broker/broker.js'
import type { Instances } from './instances.js'

/** Why the gateway is not ready; `detail` names what not everybody may see. */
export interface Unready {
  readonly reason: string
  readonly detail?: string
}

/** Has the gateway begun its work? How well it does it is a matter of its health. */
export class Readiness {
  #isOpen = false
  #isStopping = false
  /** Instances whose first attempt has ended, well or not: whom they dial may be switched off for years. */
  readonly #tried = new Set<string>()

  /** All listeners are open. */
  opened(): void {
    this.#isOpen = true
  }

  stopping(): void {
    this.#isStopping = true
  }

  reasons({ broker, instances }: { readonly broker: Pick<Broker, 'diskFailure'>; readonly instances: Instances }): readonly Unready[] {
    const reasons: Unready[] = []
    if (this.#isStopping) reasons.push({ reason: 'the gateway is stopping' })
    if (!this.#isOpen) reasons.push({ reason: 'not all listeners are open yet' })
    if (broker.diskFailure !== undefined)
      reasons.push({ reason: 'gateway.data cannot be written: nothing is acknowledged until it works again' })
    for (const { id, supervisor } of instances.values()) {
      const { attempts, retryIn } = supervisor.details
      if (supervisor.running || retryIn !== undefined || attempts > 1) this.#tried.add(id)
      if (!this.#tried.has(id))
        reasons.push({ reason: 'an instance has not been started yet', detail: `the instance ${id} has not been started yet` })
    }
    return reasons
  }
}
