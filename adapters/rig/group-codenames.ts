/** What a group has: the calls of a rig, and what is known of it as a whole. */
import type { Codename } from '../../gateway/adapter.js'
import { callCodenames } from './call-codenames.js'

/** `result` is the last call that ended: its name, whether all went well, and what came of it at each rig. */
const readings: readonly [string, Codename][] = [
  ['waiting_for', { description: 'Rigs whose echo or answer is waited for, in the order of the group', schema: { type: 'string' } }],
  ['running', { description: 'Rigs that run, or may run, by what is known', schema: { type: 'string' } }],
  [
    'result',
    {
      description: 'What came of the last call at each rig: its answer, an error, or why it was not asked',
      schema: {
        type: 'object',
        required: ['id', 'call', 'ok', 'rigs'],
        properties: {
          id: { description: 'Of the call', type: 'string' },
          call: { type: 'string' },
          ok: { type: 'boolean' },
          rigs: { type: 'object', additionalProperties: { type: 'object' } }
        }
      }
    }
  ]
]

/** Of a group of so many rigs: a call may have to wait for each of them in turn, and then interrupt them. */
export function groupCodenames(rigs: number): ReadonlyMap<string, Codename> {
  const calls = [...callCodenames].map(([name, codename]): [string, Codename] => {
    const { callable } = codename
    if (callable?.timeout === undefined || name === 'await') return [name, codename]
    return [name, { ...codename, callable: { ...callable, timeout: 2 * rigs * callable.timeout } }]
  })
  return new Map([...readings, ...calls])
}
