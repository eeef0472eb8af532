import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { Poller } from '../../gateway/dashboard/models/poller.js'

/** A poller whose time and page are in the hands of the test. */
class Desk {
  visible = true
  readonly asked: { readonly signal: AbortSignal; readonly answer: (well: boolean) => void }[] = []
  readonly waits: { readonly seconds: number; readonly run: () => void; cancelled: boolean }[] = []
  readonly poller: Poller

  constructor(seconds: number) {
    this.poller = new Poller({
      seconds,
      ask: async (signal) => await new Promise((answer) => this.asked.push({ signal, answer })),
      after: (waited, run) => {
        const wait = { seconds: waited, run, cancelled: false }
        this.waits.push(wait)
        return { cancel: () => (wait.cancelled = true) }
      },
      isVisible: () => this.visible
    })
  }

  /** Answers the last question; the seconds to the next, if there is to be one. */
  async answer(well: boolean): Promise<number | undefined> {
    const before = this.waits.length
    this.asked.at(-1)?.answer(well)
    await turn()
    return this.waits.length > before ? this.waits.at(-1)?.seconds : undefined
  }
}

describe('a poller', () => {
  it('asks at once, and again so long after each answer', async () => {
    const desk = new Desk(2)
    desk.poller.now()
    assert.equal(desk.asked.length, 1)
    assert.equal(await desk.answer(true), 2)
    desk.waits[0]?.run()
    assert.equal(desk.asked.length, 2)
  })

  it('does not ask more than once a second, and is patient with failures', async () => {
    const desk = new Desk(0.1)
    desk.poller.now()
    const waits = [await desk.answer(true)]
    for (let i = 0; i < 6; i += 1) {
      desk.waits.at(-1)?.run()
      waits.push(await desk.answer(false))
    }
    desk.waits.at(-1)?.run()
    waits.push(await desk.answer(true))
    assert.deepEqual(waits, [1, 1, 2, 4, 8, 10, 10, 1])
  })

  it('gives up its question when the page is hidden, and asks again when it is shown', async () => {
    const desk = new Desk(1)
    desk.poller.now()
    desk.visible = false
    desk.poller.now()
    assert.equal(desk.asked[0]?.signal.aborted, true)
    assert.equal(await desk.answer(true), undefined)
    assert.equal(desk.asked.length, 1)
    desk.visible = true
    desk.poller.now()
    assert.equal(desk.asked.length, 2)
  })

  it('hurries, but lets a question that is under way come to its end', async () => {
    const desk = new Desk(5)
    desk.poller.now()
    desk.poller.hurry()
    assert.equal(desk.asked.length, 1)
    assert.equal(desk.asked[0]?.signal.aborted, false)
    await desk.answer(true)
    desk.poller.hurry()
    assert.equal(desk.asked.length, 2)
    assert.equal(desk.waits[0]?.cancelled, true)
  })

  it('stops for good when the page is left', async () => {
    const desk = new Desk(1)
    desk.poller.now()
    await desk.answer(true)
    desk.poller.stop()
    assert.equal(desk.waits[0]?.cancelled, true)
    desk.poller.now()
    assert.equal(desk.asked.length, 1)
  })
})
