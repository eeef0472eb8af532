import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Program, project } from '../process/program.js'
import { needs, python } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { UsersFile, passwordOf } from '../support/users.js'

/** The behaviours that the interoperability suite of MQTT 3.1.1 asks for, with a real Paho client. */
const behaviours = [
  'basic exchange',
  'retained messages',
  'zero-length client id',
  'offline message queueing',
  'overlapping subscriptions',
  'keepalive',
  'redelivery on reconnect',
  'will message',
  'unsubscribe',
  'subscribe failure',
  'topics with $'
]

describe('a Paho client sees MQTT 3.1.1', function () {
  this.timeout(60_000)
  let users: UsersFile
  let lab: Running
  let said = new Map<string, string | null>()

  before(async function () {
    needs(this, 'python3', 'python3-paho-mqtt')
    users = new UsersFile({ olga: 'observer' })
    lab = await start(`access: { users: ${users.path}, anonymous: admin }\n`)
    const program = new Program(python, [join(project, 'test/peers/paho_behaviours.py'), String(lab.mqttPort), 'olga', passwordOf('olga')])
    try {
      const { code, stdout, stderr } = await program.ended(50_000)
      assert.equal(code, 0, stderr)
      said = new Map(
        stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as [string, string | null])
      )
    } finally {
      await program.gone()
    }
  })

  after(async () => {
    await lab?.stop()
  })

  for (const name of behaviours)
    it(name, () => {
      assert.ok(said.has(name), 'it was not tried')
      assert.equal(said.get(name) ?? '', '')
    })
})
