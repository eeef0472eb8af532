import type { AdapterType, Exact } from '../../gateway/adapter.js'

/** A device with one call, `ramp`, for sockets whose callback takes its time. */
export function ramp(type: string, call: (value: Exact) => Promise<Exact>): AdapterType {
  return {
    type,
    configSchema: { type: 'object', additionalProperties: false },
    plan: ({ id }) => ({
      executes: [{ device: id }],
      devices: new Map([[id, { codenames: new Map([['ramp', { callable: { timeout: 60 } }]]) }]])
    }),
    create: () => ({ start: () => Promise.resolve(), stop: () => Promise.resolve(), execute: ({ value }) => call(value) })
  }
}
