/** What a group's call is to its rigs. */
import type { Command, Exact } from '../../gateway/adapter.js'
import { messageOf } from './calls.js'
import type { Message } from './calls.js'

/** concurrent: the next rig is asked when this one has echoed; sequential: when it has answered. */
export type GroupMode = 'concurrent' | 'sequential'

export interface GroupCall extends Message {
  /** Codename. */
  readonly name: string
  /** Stop, interrupt, cleanup: from the last rig to the first, and a failure keeps no other rig from it. */
  readonly isEnding: boolean
  /** Init, start: nothing of it is to come after a rig was told to end. */
  readonly isBeginning: boolean
  readonly expires?: number
}

const endings = ['stop', 'interrupt', 'cleanup']

/** Throws a GatewayError where the arguments are not understood; then nothing was sent. */
export function callOf({ codename, value, expires }: Pick<Command, 'codename' | 'value' | 'expires'>): GroupCall {
  const isEnding = endings.includes(codename)
  const call = { ...messageOf(codename, value), name: codename, isEnding, isBeginning: codename === 'init' || codename === 'start' }
  // Once some rigs have been told to end, it is not for a clock to keep others from it.
  return expires === undefined || isEnding ? call : { ...call, expires }
}

/** Of rigs whose partner failed: with the reason, in the form that experiment computers send (section 2.1). */
export function interruptAfter(message: string): GroupCall {
  const reason = new Map<string, Exact>([
    ['error', 'RuntimeError'],
    ['message', message]
  ])
  return {
    name: 'interrupt',
    event: 'EXPINTERRUPT',
    elements: [[reason]],
    answer: true,
    priority: 'interrupt',
    isEnding: true,
    isBeginning: false
  }
}
