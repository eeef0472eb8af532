/** Who else ends rigs of a group: what the group was asked to begin before that must not begin after it. */
import type { Watch } from '../../gateway/adapter.js'
import type { GroupRig } from './group-rig.js'

export class Endings {
  readonly #rigs: readonly GroupRig[]
  #isOwn = false

  constructor(rigs: readonly GroupRig[]) {
    this.#rigs = rigs
  }

  /** `tell`: the rig, and a reason for people. */
  watch(tell: (rig: string, text: string) => void): Watch {
    const watches = this.#rigs.map((rig) =>
      rig.onEnding((event) => {
        if (!this.#isOwn) tell(rig.name, `${event === 'EXPEND' ? 'a stop' : 'an interrupt'} of ${rig.name} took its place`)
      })
    )
    return { cancel: () => watches.forEach((watch) => watch.cancel()) }
  }

  /** The rigs, for the group's own calls: those take turns anyhow. */
  get own(): readonly GroupRig[] {
    return this.#rigs.map((rig) => ({
      name: rig.name,
      next: (...args) => rig.next(...args),
      onEnding: (tell) => rig.onEnding(tell),
      ask: (ask) => {
        this.#isOwn = true
        try {
          return rig.ask(ask)
        } finally {
          this.#isOwn = false
        }
      }
    }))
  }
}
