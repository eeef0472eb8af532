import { systemClock } from '../../gateway/clock.js'
import { Devices } from '../../gateway/devices.js'
import { History } from '../../gateway/history/history.js'
import type { Plot, Point } from '../../gateway/history/types.js'
import { Topics } from '../../gateway/topic.js'
import { TestLog } from './start.js'

/** The history of a data folder that no gateway uses now. Nothing of it is removed for its age. */
export class OpenHistory {
  readonly #history: History
  readonly log: TestLog

  private constructor(history: History, log: TestLog) {
    this.#history = history
    this.log = log
  }

  static async open(data: string): Promise<OpenHistory> {
    const log = new TestLog()
    const history = new History({
      clock: systemClock,
      log,
      devices: new Devices({
        topics: new Topics('lab'),
        undeclared: 'accept',
        maxUndeclared: 1,
        described: () => {},
        forgotten: () => {},
        left: () => {}
      }),
      config: { record: 'every', keep: 1e10, keepRollups: 1e10, maxBytes: 2 ** 40, maxMemory: 2 ** 30 },
      data,
      changed: () => {}
    })
    await history.start()
    return new OpenHistory(history, log)
  }

  get state(): string {
    return this.#history.status().state
  }

  async readings(device: string, codename: string, from = 0, to = 1e11): Promise<Point[]> {
    const all: Point[] = []
    for await (const page of this.#history.readings({ device, codename, from, to })) all.push(...page)
    return all
  }

  async plot(device: string, codename: string, points: number, from = 0, to = 1e11): Promise<Plot> {
    return await this.#history.plot({ device, codename, from, to }, points)
  }

  async close(): Promise<void> {
    await this.#history.stop()
  }
}
