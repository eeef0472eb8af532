import type { Presence } from './broker/broker.js'
import type { Parts } from './http/parts.js'

/** A native device whose client is named is there while that client is connected: by that id, and with the right to speak for the device. */
export function presenceOf({ devices, states, topics }: Pick<Parts, 'devices' | 'states' | 'topics'>): Presence {
  return (client, present, mayWrite) => {
    for (const name of devices.names())
      if (devices.options(name)?.client === client && devices.holders(name).size === 0 && mayWrite(topics.state(name) ?? ''))
        states.connection(name, client, present)
  }
}
