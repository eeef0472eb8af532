import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start } from '../../test/support/start.js'
import { TestController } from './test-support/test-controller.js'

const ref = '2024-03-14_001_subject'

describe('a rig-server after a restart of the gateway', () => {
  let data = ''
  beforeEach(async () => (data = await mkdtemp(join(tmpdir(), 'labgate-rig-'))))
  afterEach(async () => await rm(data, { recursive: true }))

  it('is in the same experiment, and does not claim that all is as it was', async () => {
    const yaml = `gateway: { data: ${data} }\nadapters: [{ id: stage, type: rig-server, port: 0, device: stage }]`
    const before = await start(yaml)
    const controller = await TestController.udp(before.port('stage'))
    await controller.echoed(`[2, "${ref}", null]`)
    controller.send(await controller.next())
    await controller.assertQuiet()
    await controller.close()
    await before.stop()

    const after = await start(yaml)
    const mqtt = await after.connect()
    await mqtt.subscribe('lab/stage/#')
    const status = await mqtt.nextJson('lab/stage/status')
    assert.deepEqual([status['value'], status['quality']], ['RUNNING', 'uncertain'])
    const again = await TestController.udp(after.port('stage'))
    await again.echoed('[64, 0, null]')
    assert.match(await again.next(), new RegExp(`^\\[64, 20, \\{"exp_ref": "${ref}"`))
    await again.close()
    await after.stop()
  })
})
