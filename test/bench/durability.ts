/** What it costs that nothing acknowledged is lost, against brokers that promise less. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare } from './compare.js'
import * as labs from './labs.js'
import { lineOf } from './lines.js'
import type { Row } from './rows.js'
import { Missing, labgate, mosquitto, nodePeer } from './sides.js'
import type { Side } from './sides.js'

/** Mosquitto's own words for what it keeps, and when: what is not written is lost when it is killed. */
const onEveryChange = ['persistence true', 'autosave_on_changes true', 'autosave_interval 1']
const byDefault = ['persistence true']

export const durability: Row = {
  name: 'durability',
  says:
    'acknowledged QoS 1 a second, 4 publishers with a window of 25 each, all retained and thus kept, on 100 topics; from write to PUBACK. ' +
    'Of all these only fast (kill -9) and strict (the plug) lose nothing that was acknowledged',
  run: async (options, missing) => {
    const root = mkdtempSync(join(tmpdir(), 'labgate-bench-durability-'))
    const folder = (name: string): string => join(root, name)
    const gateway = (name: string, mode: string): Promise<Side> =>
      labgate(labs.kept(mode === 'memory' ? undefined : { folder: folder(mode), durability: mode }), {
        name,
        nodeOptions: options.nodeOptions
      })
    const starts: (() => Promise<Side>)[] = [
      () => gateway('labgate fast', 'fast'),
      () => gateway('labgate strict', 'strict'),
      () => gateway('labgate in memory', 'memory'),
      () => nodePeer('bare Aedes, in memory', 'bare-aedes'),
      () => mosquitto('Mosquitto, on every change', [...onEveryChange, `persistence_location ${root}/`, 'persistence_file every.db']),
      () => mosquitto('Mosquitto, default', [...byDefault, `persistence_location ${root}/`, 'persistence_file default.db'])
    ]
    const sides: Side[] = []
    try {
      for (const start of starts) {
        try {
          sides.push(await start())
        } catch (error) {
          if (!(error instanceof Missing)) throw error
          missing(`durability: ${error.message}`)
        }
      }
      const measured = await compare(sides, ({ ports }, seconds) => ({ kind: 'kept', mqtt: ports.mqtt, seconds }), options)
      const [fast, strict] = measured
      return [
        ...measured.map((each, index) => lineOf('durability', each, index === 0 ? undefined : fast, '')),
        ...measured
          .slice(2)
          .map((each) => [
            'durability',
            `strict against ${each.name}`,
            '',
            '',
            '',
            '',
            '',
            '',
            `${((strict?.rate ?? NaN) / each.rate).toFixed(2)} x`
          ])
      ]
    } finally {
      await Promise.all(sides.map((side) => side.stop()))
      rmSync(root, { recursive: true, force: true })
    }
  }
}
