import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { Crashing } from '../process/crashing.js'
import { TestClient } from '../support/mqtt.js'
import { OpenHistory } from '../support/open-history.js'

/** What makes the disk refuse; both are in Debian's util-linux, which is always there. */
const tools = ['prlimit', 'setpriv']

interface Fault {
  readonly name: string
  readonly reason: RegExp
  readonly under: readonly string[]
  /** It is started anew with that. */
  readonly restarts: boolean
  readonly refuse: (gateway: Crashing) => void | Promise<void>
  readonly mend: (gateway: Crashing) => void | Promise<void>
}

/** No file that it writes may become larger: as on a full disk. The soft limit, which takes no right to raise again. */
function limit({ program }: Crashing, bytes: string): void {
  execFileSync('prlimit', ['--pid', String(program?.pid), `--fsize=${bytes}:`])
}

const historyOf = ({ data }: Crashing): string => join(data, 'history')

const faults: readonly Fault[] = [
  {
    name: 'a disk that is full',
    reason: /File too large/,
    under: [],
    restarts: false,
    refuse: (gateway) => limit(gateway, '0'),
    mend: (gateway) => limit(gateway, 'unlimited')
  },
  {
    name: 'a folder that is read-only at the start',
    reason: /Permission denied|permission denied/,
    // Root may write everywhere by this right.
    under: getuid?.() === 0 ? ['setpriv', '--inh-caps=-all', '--bounding-set=-dac_override'] : [],
    restarts: true,
    refuse: async (gateway) => {
      await gateway.kill('SIGTERM')
      await chmod(historyOf(gateway), 0o500)
      await gateway.start()
    },
    mend: (gateway) => chmod(historyOf(gateway), 0o700)
  }
]

for (const { name, reason, under, restarts, refuse, mend } of faults) {
  describe(`history on ${name}`, function () {
    this.timeout(30_000)
    const gateway = new Crashing('fast', '', under)
    const clients: TestClient[] = []

    before(function () {
      if (tools.some((tool) => spawnSync(tool, ['--version']).status !== 0)) this.skip()
    })

    afterEach(async () => {
      await Promise.all(clients.map((client) => client.vanish()))
      // Else its folder could not be removed.
      if (gateway.program?.running === true) await mend(gateway)
      await gateway.program?.gone()
    })

    async function connect(): Promise<TestClient> {
      const client = await TestClient.connect(gateway.port)
      clients.push(client)
      await client.subscribe('lab/gateway/history_state')
      return client
    }

    const state = (client: TestClient, wanted: string, why: RegExp): Promise<unknown> =>
      client.nextJson(
        ({ topic, text }) =>
          topic === 'lab/gateway/history_state' && text.includes(`"state":"${wanted}"`) && !text.includes('"stale"') && why.test(text)
      )

    it('is told of; readings go on, are kept in memory, and come to it by themselves when it can be written again', async () => {
      await gateway.start()
      let client = await connect()
      let number = 0
      const publish = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) await client.publish('lab/probe/t', String(number++), { qos: 0 })
      }
      await publish(20)
      await state(client, 'on', /./)
      await refuse(gateway)
      if (restarts) client = await connect()
      // Taken in and passed on, whatever the disk does.
      await client.subscribe('lab/probe/t')
      await publish(20)
      await client.nextJson(({ topic, text }) => topic === 'lab/probe/t' && text.includes('"value":39'))
      await state(client, 'degraded', reason)
      await mend(gateway)
      await publish(20)
      await state(client, 'on', /./)
      await gateway.kill('SIGTERM')
      const history = await OpenHistory.open(gateway.data)
      assert.deepEqual(history.log.lines, [])
      const points = await history.readings('probe', 't')
      await history.close()
      assert.deepEqual(
        points.filter(({ quality }) => quality === 'good').map(({ value }) => Number(value)),
        [...Array(60).keys()]
      )
    })
  })
}
