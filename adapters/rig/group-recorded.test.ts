import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Room } from './test-support/room.js'

/** A recorded talk of the original's Services with its rigs; the parts that are used here. */
interface Recorded {
  readonly id: string
  readonly group: string
  readonly transport: 'udp' | 'tcp'
  readonly gateway: 'effect' | 'avoid'
  readonly setup: readonly { readonly program: string; readonly args: readonly unknown[] }[]
  readonly steps: readonly {
    readonly from: 'client' | 'server'
    readonly peer: string
    readonly kind?: string
    readonly bytes_utf8?: string
    readonly meddled?: string
  }[]
  readonly outcome: {
    readonly services: readonly {
      readonly kind: string
      readonly op: string
      readonly ok: boolean
      readonly result?: Record<string, unknown>
    }[]
  }
}

const cases = readFileSync('test/vectors/rig.jsonl', 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded)
  .filter(({ group }) => group === 'services')

function messages({ steps }: Recorded, from: 'client' | 'server'): { peer: string; text: string; isDropped: boolean }[] {
  return steps.flatMap((step) =>
    step.from === from && step.kind === 'message'
      ? [{ peer: step.peer, text: step.bytes_utf8 ?? '', isDropped: step.meddled === 'dropped' }]
      : []
  )
}

/** How a group is called for what Services were told. */
function argumentsOf(call: string, given: readonly unknown[]): object {
  if (call === 'start') return { exp_ref: given[0], data: given[1] }
  return { data: given[0] }
}

describe('groups beside the recorded Services', () => {
  assert.ok(cases.length >= 6)

  for (const recorded of cases)
    it(`${recorded.id} (${recorded.gateway}): the same messages in the same order, and the same results`, async () => {
      const driver = recorded.setup.find(({ program }) => program.includes('services'))?.args ?? []
      const names = driver.flatMap((arg, at) => (driver[at - 1] === '--rig' ? [String(arg)] : []))
      const calls = driver[driver.indexOf('--steps') + 1] as [string, ...unknown[]][]
      const mode = driver.includes('--sequential') ? 'sequential' : 'concurrent'
      const room = new Room(Object.fromEntries(names.map((name) => [name, recorded.transport])))
      for (const { peer, text, isDropped } of messages(recorded, 'client')) {
        const code = (JSON.parse(text) as [number])[0]
        const answer = messages(recorded, 'server').find((one) => one.peer === peer && (JSON.parse(one.text) as [number])[0] === code)
        const data = answer === undefined ? undefined : (JSON.parse(answer.text) as unknown[]).slice(1)
        room.manner(peer, code, { echo: !isDropped, answer: data === undefined ? null : 1, ...(data === undefined ? {} : { data }) })
      }
      try {
        await room.open({ all: { rigs: names, mode, answerWithin: 0.5 } })
        for (const [n, [call, ...given]] of calls.entries()) {
          const { value, error } = await room.call('all', call, argumentsOf(call, given))
          const expected = recorded.outcome.services.filter(({ kind }) => kind === 'step')[n]
          // What the original loses, as it waits only after the echo, is there.
          const isOk = expected?.ok === true || recorded.gateway === 'avoid'
          assert.equal(error === undefined, isOk, error?.message)
          if (expected?.result === undefined) continue
          const answers = Object.entries(value?.rigs ?? {}).map(([name, { answer }]) => [name, answer])
          assert.deepEqual(Object.fromEntries(answers), expected.result)
        }
        assert.deepEqual(
          room.heard.all.map(({ rig, text }) => [rig, text]),
          messages(recorded, 'client').map(({ peer, text }) => [peer, text])
        )
      } finally {
        await room.close()
      }
    })
})
