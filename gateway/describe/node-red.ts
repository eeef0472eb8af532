/** A flow for Node-RED that shows and steers what is described: for each device a tab, and a page of the dashboard. */
import { self } from '../devices.js'
import { Topics } from '../topic.js'
import type { Described } from './described.js'
import { commandSubflow, idsOf, likeExample } from './node-red-parts.js'
import type { FlowNode } from './node-red-parts.js'
import { tabOf } from './node-red-tab.js'

/** To be imported as it is. Ids are made of names: a later one takes the place of this one. */
export function nodeRedFlow({ name, root, listeners, devices }: Described): FlowNode[] {
  const ids = idsOf(name)
  const topics = new Topics(root)
  const { host, port } = listeners.tcp
  const server = ids('server')
  // Node-RED makes up a client id of its own, so that two of them do not push each other off.
  const broker = { ...likeExample('mqtt-broker'), id: server, name, broker: host, port: String(port), clientid: '' }
  const shown = devices.flatMap((device) => {
    const topic = topics.state(device.device)
    return topic === undefined || device.device === self || device.codenames.length === 0 ? [] : [{ device, topic }]
  })
  return [
    ...shown.flatMap(({ device, topic }, at) => tabOf(device, { root, topic, ids, server, order: at + 1 })),
    ...commandSubflow,
    broker,
    ...['ui-base', 'ui-theme', 'global-config'].map(likeExample)
  ]
}
