import type { Checked } from './config.js'
import { self } from './devices.js'
import type { Devices } from './devices.js'
import { selfDevice } from './self.js'

/** Devices of the configuration, then those that instances bring along, and who holds which right. */
export function declare(devices: Devices, { config, site, plans }: Checked): void {
  devices.declare(self, selfDevice, { undeclared: 'refuse' })
  for (const [name, device] of site.devices) {
    const options = config.devices[name]
    devices.declare(name, device, {
      ...(options?.client === undefined ? {} : { client: options.client }),
      ...(options?.undeclared === undefined ? {} : { undeclared: options.undeclared }),
      ...(options?.history === undefined ? {} : { history: options.history })
    })
  }
  for (const [id, plan] of plans) {
    // One without codenames meets them at run time, and takes them in as a declared one would.
    for (const [name, device] of plan.devices ?? [])
      devices.declare(name, device, device.codenames.size === 0 ? {} : { undeclared: 'refuse' })
    devices.grant(id, plan)
  }
}
