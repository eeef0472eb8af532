import type { Device, Plan } from './adapter.js'
import type { Checked } from './config.js'
import { self } from './devices.js'
import type { DeviceOptions, Devices } from './devices.js'
import { selfDevice, selfPlan } from './self.js'

/** A device that the configuration or the plan of an instance names. */
export interface Declared {
  readonly device: Device
  readonly options: Partial<DeviceOptions>
}

/** Devices of the configuration, then those that instances bring along, in this order. */
export function declaredDevices({ config, site, plans }: Checked): Map<string, Declared> {
  const found = new Map<string, Declared>()
  for (const [name, device] of site.devices) {
    const { client, history, undeclared } = config.devices[name] ?? {}
    const options: Partial<DeviceOptions> = {
      ...(client === undefined ? {} : { client }),
      ...(history === undefined ? {} : { history }),
      ...(undeclared === undefined ? {} : { undeclared })
    }
    found.set(name, { device, options })
  }
  for (const plan of plans.values())
    for (const [name, device] of plan.devices ?? [])
      // One without codenames meets them at run time, and takes them in as a declared one would.
      found.set(name, { device, options: device.codenames.size === 0 ? {} : { undeclared: 'refuse' } })
  return found
}

/** Who holds which right: the gateway itself, then the instances. */
export function grants({ plans }: Checked): [instance: string, plan: Plan][] {
  return [[self, selfPlan], ...plans]
}

/** All that is there before anything starts. */
export function declare(devices: Devices, checked: Checked): void {
  devices.declare(self, selfDevice, { undeclared: 'refuse' })
  for (const [name, { device, options }] of declaredDevices(checked)) devices.declare(name, device, options)
  for (const [id, plan] of grants(checked)) devices.grant(id, plan)
}
