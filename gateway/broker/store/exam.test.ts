import assert from 'node:assert/strict'
// The exam is written for the legacy assert of node:test, where deepEqual does not compare prototypes.
// oxlint-disable-next-line import/no-duplicates
import loose from 'node:assert'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLevel } from './disk.js'
import { Journal } from './journal.js'
import { Store } from './store.js'

/** What the exam uses of node:test's context. */
interface Context {
  plan(count: number): void
  diagnostic(): void
  assert: Record<'equal' | 'notEqual' | 'deepEqual' | 'ok', (...values: unknown[]) => void>
}

interface Exam {
  test(name: string, run: (t: Context) => Promise<void>): void
  persistence(): Store
  testAsync: boolean
}

const exam = createRequire(import.meta.url)('aedes-persistence/abstract.js') as (options: Exam) => void

/** One case of the exam; also holds it to the number of assertions it planned. */
async function sit(run: (t: Context) => Promise<void>): Promise<void> {
  let planned: number | undefined
  let made = 0
  const counted =
    (check: (...values: never[]) => void) =>
    (...values: unknown[]) => {
      made++
      check(...(values as never[]))
    }
  await run({
    plan: (count) => (planned = count),
    diagnostic: () => {},
    assert: { equal: counted(loose.equal), notEqual: counted(loose.notEqual), deepEqual: counted(loose.deepEqual), ok: counted(loose.ok) }
  })
  if (planned !== undefined) assert.equal(made, planned, 'as many assertions as planned')
}

const folders: string[] = []

function journaled(): Store {
  const folder = mkdtempSync(join(tmpdir(), 'labgate-exam-'))
  folders.push(folder)
  return new Store(new Journal({ open: () => openLevel(folder), durability: 'fast' }))
}

for (const [name, persistence] of [
  ['in memory', () => new Store()],
  ['with a journal', journaled]
] as const) {
  describe(`exam of aedes-persistence, ${name}`, () => {
    let cases = 0
    exam({
      test: (title, run) => {
        cases++
        it(title, () => sit(run))
      },
      persistence,
      testAsync: true
    })

    after(() => {
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
    })

    it('has at least the cases of aedes-persistence 11.0.0', () => {
      assert.ok(cases >= 50, `${cases} cases`)
    })
  })
}
