import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cwd } from 'node:process'
import { adapterTypes } from '../adapters/index.js'
import type { AdapterType } from '../gateway/adapter.js'
import { checks, runCheck } from './support/adapter-checks.js'
import type { Check } from './support/adapter-checks.js'
import { brokenAdapters, soundAdapter } from './support/broken-adapters.js'
import { subject } from './support/minimal.js'
import type { Schema, Subject } from './support/minimal.js'

/** The least configuration, on a port that the system chooses, or on one that is taken. */
function on(type: AdapterType, port: number): Subject {
  const { properties = {} } = type.configSchema as Schema
  // Further listeners: objects with a port that nobody need write.
  const further = Object.entries(properties).filter(([, part]) => 'default' in part && part.properties?.['port'] !== undefined)
  return subject(type, {
    ...(properties['port'] === undefined ? {} : { port }),
    ...Object.fromEntries(further.map(([key]) => [key, { port: 0 }]))
  })
}

async function run(check: Check, type: AdapterType): Promise<void> {
  await runCheck(check, (port) => on(type, port))
}

describe('the adapter contract', () => {
  for (const type of adapterTypes)
    describe(type.type, () => {
      for (const check of checks) it(check.says, async () => await run(check, type))
    })

  it('is kept by types that are called as their folder and their role, with the schema of that folder', () => {
    const adapters = join(cwd(), 'adapters')
    const folders = readdirSync(adapters, { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== 'common')
    const described = folders.flatMap(({ name }) => {
      const { $defs } = JSON.parse(readFileSync(join(adapters, name, 'config.schema.json'), 'utf8')) as { $defs: Record<string, object> }
      return Object.entries($defs).map(([type, schema]) => ({ folder: name, type, schema }))
    })
    for (const { folder, type, schema } of described) {
      assert.ok([folder, `${folder}-server`, `${folder}-client`].includes(type), `${type} in the folder ${folder}`)
      assert.deepEqual(
        adapterTypes.filter((registered) => registered.type === type).map(({ configSchema }) => configSchema),
        [schema]
      )
    }
    assert.deepEqual(adapterTypes.map(({ type }) => type).sort(), described.map(({ type }) => type).sort())
  })
})

describe('the checks of the adapter contract', () => {
  for (const check of checks) it(`let a sound adapter pass: ${check.says}`, async () => await run(check, soundAdapter))

  for (const { does, type, found } of brokenAdapters)
    it(`find one that ${does}`, async () => {
      const complaints: string[] = []
      for (const check of checks) {
        try {
          await run(check, type)
        } catch (error) {
          complaints.push(String(error))
        }
      }
      assert.ok(
        complaints.some((complaint) => found.test(complaint)),
        `found only: ${complaints.join('\n') || 'nothing'}`
      )
    })
})
