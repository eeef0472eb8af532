/** What this computer says of its clock. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { systemClock } from './clock.js'
import type { Machine } from './clock-sync.js'
import { released } from './version.js'

/** Boards have a device tree; personal computers and virtual machines have none, but a clock with a battery. */
const model = '/proc/device-tree/model'

/** Name of the first clock that the kernel knows. */
const rtc = '/sys/class/rtc/rtc0/name'

/** That of a Raspberry Pi 5 keeps time only with a battery, which is sold apart. */
const withoutBattery = /rpi/i

/** Milliseconds for the answer of timedatectl. */
const patience = 5000

export const thisMachine: Machine = {
  now: () => systemClock.now(),
  released,
  isWithoutClock: async () => {
    if ((await read(model)) === undefined) return false
    const name = await read(rtc)
    return name === undefined || withoutBattery.test(name)
  },
  isSynchronised: async () =>
    await new Promise((resolve) => {
      execFile('timedatectl', ['show', '--property=NTPSynchronized', '--value'], { timeout: patience }, (error, text) =>
        resolve(error === null ? text.trim() === 'yes' : undefined)
      )
    })
}

async function read(file: string): Promise<string | undefined> {
  return await readFile(file, 'latin1').catch(() => undefined)
}
