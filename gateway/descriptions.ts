import type { Broker } from './broker/broker.js'
import type { DevicesOptions } from './device-types.js'
import { metaPayload } from './payload.js'
import { below } from './topic.js'

/** What is known of each codename, retained for whoever comes. */
export function descriptions(broker: Broker): Pick<DevicesOptions, 'described' | 'forgotten'> {
  return {
    described(entry) {
      const [topic, payload] = [below(entry.topic, 'meta'), metaPayload(entry)]
      // What an earlier run retained need not be said again.
      if (broker.retained(topic) !== payload) broker.publish(topic, payload, 'meta')
    },
    forgotten: (entry) => void broker.publish(below(entry.topic, 'meta'), '', 'meta')
  }
}
