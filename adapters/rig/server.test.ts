import assert from 'node:assert/strict'
import { ServerLab } from './test-support/server-lab.js'

const ref = '2024-03-14_001_subject'
const info = (exp_ref: string, more = ''): string =>
  `{"exp_ref": ${exp_ref}, "main_sync": false, "experiment_description": {}, "master": false, "rig_version": "labgate", "spec_version": "1.0.0"${more}}`

describe('rig-server', () => {
  let lab = new ServerLab()
  beforeEach(() => (lab = new ServerLab()))
  afterEach(async () => await lab.close())

  for (const transport of ['udp', 'tcp'] as const)
    describe(`over ${transport}`, () => {
      it('goes through a session as a rig of iblrig does', async () => {
        await lab.start()
        const controller = await lab.controller(transport)
        await lab.exchange(controller, '[64, 0, {"exp_ref": null, "subject": "subject"}]', `[64, 0, ${info('null')}]`)
        await lab.exchange(controller, `[1, {"exp_ref": "${ref}"}]`, `[1, 10, ${info(`"${ref}"`)}]`)
        await lab.exchange(controller, `[2, "${ref}", null]`, `[2, "${ref}", ${info(`"${ref}"`, ', "status": 20')}]`)
        await lab.exchange(controller, '[32, 20]', '[32, 20]')
        await lab.exchange(controller, '[4, []]', `[4, ${info(`"${ref}"`, ', "status": 30')}]`)
        await lab.exchange(controller, '[8, null]', `[8, ${info(`"${ref}"`, ', "status": 0')}]`)
        await lab.exchange(controller, '[16, [{"error": "E"}]]', `[16, ${info('null', ', "status": 30')}]`)
        await controller.assertQuiet()
        assert.deepEqual(await lab.values('status'), ['INITIALIZED', 'RUNNING', 'STOPPED', 'CONNECTED', 'STOPPED'])
        assert.deepEqual(await lab.values('exp_ref'), [ref, ''])
        assert.deepEqual(await lab.values('link'), ['online'])
        const answers = (await lab.values('answer')) as Record<string, unknown>[]
        assert.deepEqual(
          answers.map(({ event, code, confirmed }) => [event, code, confirmed]),
          [
            ['EXPINFO', 64, true],
            ['EXPINIT', 1, true],
            ['EXPSTART', 2, true],
            ['EXPSTATUS', 32, true],
            ['EXPEND', 4, true],
            ['EXPCLEANUP', 8, true],
            ['EXPINTERRUPT', 16, true]
          ]
        )
        assert.deepEqual(lab.warnings, [])
      })

      it('echoes before anything else, and answers after a gap', async () => {
        await lab.start()
        const controller = await lab.controller(transport)
        const message = transport === 'udp' ? ' [ 32 , 0 ]\r\n' : '[ 32 , 0 ]\r\n'
        await controller.echoed(message)
        await controller.assertQuiet()
        await lab.clock.pass(transport === 'udp' ? 0.009 : 0.024)
        await controller.assertQuiet()
        await lab.gap()
        await controller.echoes('[32, 0]')
      })

      it('serves several controllers at once, each with its own answers', async () => {
        await lab.start('answers: { others: same }')
        const [a, b] = [await lab.controller(transport), await lab.controller(transport)]
        await a.echoed('[1, "from a"]')
        await b.echoed('[1, "from b"]')
        await lab.gap()
        await b.echoes('[1, "from b"]')
        await a.expect('[1, "from a"]')
        await lab.exchange(b, '[4, null]', '[4, null]')
        a.send('[1, "from a"]')
        await a.assertQuiet()
        assert.deepEqual(
          ((await lab.values('answer')) as Record<string, unknown>[]).map(({ controller, data, confirmed }) => [
            controller,
            data,
            confirmed
          ]),
          [
            [b.name, ['from b'], true],
            [b.name, [null], true],
            [a.name, ['from a'], true]
          ]
        )
      })

      it('goes on when an answer is not confirmed, and says so', async () => {
        await lab.start()
        const controller = await lab.controller(transport)
        await controller.echoed('[1, null]')
        await lab.gap()
        await controller.expect(`[1, 10, ${info('null')}]`)
        assert.equal(await lab.value('link'), 'online')
        await lab.clock.pass(1.1)
        const answer = (await lab.value('answer')) as Record<string, unknown>
        assert.deepEqual([answer['event'], answer['confirmed'], answer['seconds']], ['EXPINIT', false, null])
        assert.match(String(answer['error']), /no echo within 1 s/)
        assert.equal(await lab.value('link'), 'silent')
        assert.match(lab.warnings.join(), /did not confirm the answer to EXPINIT/)
        await lab.exchange(controller, '[32, 0]', '[32, 10]')
        assert.equal(await lab.value('link'), 'online')
        const other = await lab.controller(transport)
        await lab.exchange(other, '[32, 0]', '[32, 10]')
      })
    })
})
