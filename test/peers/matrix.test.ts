import assert from 'node:assert/strict'
import { needs } from '../support/peers.js'
import { runClient } from './matrix-clients.js'
import { MatrixLab } from './matrix-lab.js'
import { devices, rows } from './matrix-table.js'
import type { Cell, DeviceName, RowName } from './matrix-table.js'

describe('any old program, and any device: config/examples/everything.yaml', function () {
  // Starts a dozen programs; Python takes its time.
  this.timeout(30_000)
  let lab: MatrixLab

  before(async function () {
    needs(this, 'python3', 'python3-flask', 'python3-numpy', 'python3-requests', 'python3-websockets')
    lab = await MatrixLab.open()
  })

  after(async () => {
    await lab?.close()
  })

  for (const [client, row] of Object.entries(rows))
    for (const [device, cell] of Object.entries(row.cells) as [DeviceName, Cell][])
      it(`${row.title} and ${device} (${devices[device].speaks}): \`${cell.read}\`, \`${cell.command}\``, async () => {
        await check(client as RowName, device, cell)
      })

  async function check(client: RowName, device: DeviceName, cell: Cell): Promise<void> {
    const { mqtt, ports } = lab
    const { shows } = devices[device]
    const { reply, reading } = await runClient(client, cell, ports)
    if (cell.reply instanceof RegExp) assert.match(typeof reply === 'string' ? reply : JSON.stringify(reply), cell.reply)
    else assert.deepEqual(reply, cell.reply)
    if (cell.value !== undefined) assert.equal(reading, cell.value)
    if (device === 'cameras') await lab.cameras.next('received', ({ elements }) => (elements as unknown[])[0] === cell.value)
    // The same on MQTT: one reply, to the front that the program spoke to, and the reading that it saw.
    const replied = await mqtt.nextJson(({ topic, text }) => topic === `lab/${device}/${cell.asks}/reply` && !text.includes('"accepted"'))
    assert.deepEqual([replied['phase'], replied['client']], ['done', frontOf(client, cell)])
    await mqtt.next(
      ({ topic, text }) => topic === `lab/${device}/${shows}` && (JSON.parse(text) as { value: unknown }).value === reading,
      `the reading ${String(reading)} of ${device}/${shows}`
    )
    mqtt.drop()
  }
})

/** The instance that a program speaks to: its name is the first word of the command where it has a choice. */
function frontOf(client: RowName, { command }: Cell): string {
  if (client === 'tutorial') return 'pages'
  return client === 'instclient' ? 'uuserver' : (command.split(' ')[0] as string)
}
