/** What the flows for Node-RED are made of. */
import { createHash } from 'node:crypto'
import command from '../../config/examples/node-red/labgate-command.json' with { type: 'json' }
import laboratory from '../../config/examples/node-red/laboratory.json' with { type: 'json' }

/** A node as Node-RED's editor exports and imports it. */
export interface FlowNode {
  readonly id: string
  readonly type: string
  readonly [property: string]: unknown
}

/** Which node it is, in names that last: the flow that is imported again takes the place of the one before. */
export type Ids = (...path: readonly string[]) => string

export function idsOf(gateway: string): Ids {
  return (...path) =>
    createHash('sha256')
      .update(JSON.stringify([gateway, ...path]))
      .digest('hex')
      .slice(0, 16)
}

/** The subflow that hides request and reply, without its server. */
export const commandSubflow = (command as readonly FlowNode[]).filter(({ type }) => type !== 'mqtt-broker')

/** The id of the type that its instances have. */
export const commandType = `subflow:${commandSubflow.find(({ type }) => type === 'subflow')?.id ?? ''}`

/** The node of the example with all properties that its type has; whoever uses it sets those that matter. */
export function likeExample(type: string): FlowNode {
  const found = (laboratory as readonly FlowNode[]).find((node) => node.type === type)
  if (found === undefined) throw new Error(`laboratory.json has no node of type ${type}`)
  return found
}

/** Text of a value in the code of a function node. */
export function code(value: unknown): string {
  return JSON.stringify(value, undefined, 4)
}

export interface FunctionNode {
  readonly id: string
  readonly name: string
  readonly tab: string
  readonly func: string
  readonly initialize?: string
  readonly wires: readonly (readonly string[])[]
  readonly x: number
  readonly y: number
}

export function functionNode({ id, name, tab, func, initialize = '', wires, x, y }: FunctionNode): FlowNode {
  return {
    id,
    type: 'function',
    z: tab,
    name,
    func,
    outputs: wires.length,
    timeout: 0,
    noerr: 0,
    initialize,
    finalize: '',
    libs: [],
    x,
    y,
    wires
  }
}
