import assert from 'node:assert/strict'
import type { AdapterType, Codename, Command, Exact } from '../../gateway/adapter.js'

export type Outcome = { value: Exact } | { error: Error }

/** A device whose commands end when, and as, the test says. */
export class Machine {
  readonly asked: Command[] = []
  readonly #ends: ((outcome: Outcome) => void)[] = []
  #arrived: (() => void) | undefined
  /** Set: every command ends at once with it. */
  at: Outcome | undefined

  readonly type: AdapterType = {
    type: 'machine',
    configSchema: { type: 'object', additionalProperties: false },
    plan: ({ id }) => ({ executes: [{ device: id }], devices: new Map([[id, { codenames: this.#codenames() }]]) }),
    create: () => ({
      start: () => Promise.resolve(),
      stop: () => Promise.resolve(),
      execute: async (command) => {
        this.asked.push(command)
        this.#arrived?.()
        const outcome = this.at ?? (await new Promise<Outcome>((resolve) => this.#ends.push(resolve)))
        if ('error' in outcome) throw outcome.error
        return outcome.value
      }
    })
  }

  /** Of what is under way, the oldest. */
  end(outcome: Outcome): void {
    const [first] = this.#ends.splice(0, 1)
    assert.ok(first !== undefined, 'nothing is under way')
    first(outcome)
  }

  async arrival(count: number): Promise<void> {
    while (this.asked.length < count)
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${this.asked.length} of ${count} commands came`)), 3000)
        this.#arrived = () => {
          clearTimeout(timer)
          resolve()
        }
      })
  }

  get said(): string[] {
    return this.asked.map(({ op, device, codename, value }) => `${op} ${device}/${codename} ${show(value)}`)
  }

  #codenames(): Map<string, Codename> {
    const power: Codename = { settable: true, schema: { type: 'number', minimum: 0, maximum: 300 } }
    return new Map<string, Codename>([
      ['power', power],
      ['focus', { settable: true, original: 'Focus 1' }],
      ['output', {}],
      ['fire', { callable: { arguments: { type: 'object', properties: { duration: { type: 'number', minimum: 0 } } }, timeout: 5 } }]
    ])
  }
}

function show(value: Exact): string {
  const plain = (_key: string, each: unknown): unknown => {
    if (typeof each === 'bigint') return Number(each)
    return each instanceof Map ? Object.fromEntries(each as Map<string, unknown>) : each
  }
  return JSON.stringify(value, plain)
}
