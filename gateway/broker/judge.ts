import type { Client } from 'aedes'
import type { Rights } from '../access/identity.js'
import type { GatewayError } from '../errors.js'
import type { Contract, MutablePacket } from './contract.js'
import type { Guard } from './guard.js'
import type { Permissions } from './permissions.js'
import { onlyLooks, refusal as readOnly } from './read-only.js'
import type { RetainedCap } from './retained-cap.js'
import type { Will } from './store/wills.js'

export interface JudgeOptions {
  readonly contract: Contract
  readonly permissions: Permissions
  readonly retainedCap: RetainedCap
  /** One more than may be retained came. */
  readonly tooMany: () => void
}

/** What becomes of a message before anybody sees it: first who sends it, then what it is. */
export class Judge {
  readonly #options: JudgeOptions

  constructor(options: JudgeOptions) {
    this.#options = options
  }

  /** `client`: null for the gateway itself. */
  judge(packet: MutablePacket, client: Client | null): void {
    const { contract, permissions } = this.#options
    if (client === null) return this.apply(packet, '')
    const refusal = onlyLooks(client) ? readOnly() : permissions.refusal(client, packet)
    if (refusal === undefined) this.apply(packet, client.id, (client.conn as Guard).rights)
    else contract.refuse(packet, client.id, refusal)
  }

  /** The contract; a message that may not be retained any more is a dead letter. */
  apply(packet: MutablePacket, client: string, rights?: Rights): void {
    const { contract } = this.#options
    const refusal = this.mayRetain(packet)
    if (refusal === undefined) contract.apply(packet, client, rights)
    else contract.refuse(packet, client, refusal)
  }

  /** Of a client that was connected when an earlier run crashed. */
  will(will: Will): void {
    const { contract, permissions } = this.#options
    const packet = will as MutablePacket & Will
    const refusal = permissions.refusalOfWill(will)
    if (refusal === undefined) this.apply(packet, will.clientId, permissions.rightsOfWill(will))
    else contract.refuse(packet, will.clientId, refusal)
  }

  /** Undefined: it may be. */
  mayRetain(packet: MutablePacket): GatewayError | undefined {
    const refusal = this.#options.retainedCap.check(packet)
    if (refusal !== undefined) this.#options.tooMany()
    return refusal
  }
}
