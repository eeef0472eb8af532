/** What a group needs of a rig. */
import type { Rig } from './rig.js'

export type GroupRig = Pick<Rig, 'name' | 'ask' | 'next' | 'onEnding'>
