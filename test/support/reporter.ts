import { appendFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { reporters } from 'mocha'
import type { MochaOptions, Runner, Test } from 'mocha'

/**
 * Mocha's own spec report, and one closing line in a form that every CI can read. In CI a skipped test is a failure: a peer
 * that is missing there would otherwise be missed by nobody.
 */
export default class Reporter extends reporters.Spec {
  readonly #failed: { readonly file: string; readonly title: string; readonly text: string }[] = []

  override done(failures: number, end?: (failures: number) => void): void {
    const { passes, pending } = this.stats
    const failed = process.env['CI'] === undefined ? failures : failures + pending
    if (failed > failures) console.log(`  ${pending} skipped: in CI a skipped test is a failure`)
    const skipped = failed > failures ? 0 : pending
    console.log(`${passes} passed, ${failed} failed, ${skipped} skipped`)
    // Of .ci/test.mjs, which runs mocha more than once.
    const folder = process.env['LABGATE_TEST_RECORDS']
    if (folder !== undefined) {
      appendFileSync(join(folder, 'counts'), `${passes} ${failed} ${skipped}\n`)
      for (const one of this.#failed) appendFileSync(join(folder, 'failed'), `${JSON.stringify(one)}\n`)
    }
    end?.(failed)
  }

  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options)
    runner.on('fail', (test: Test, error: Error) => {
      this.#failed.push({ file: relative('', test.file ?? ''), title: test.fullTitle(), text: error.stack ?? error.message })
    })
  }
}
