import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { adapterTypes } from '../../adapters/index.js'
import { systemClock } from '../../gateway/clock.js'
import { ConfigError, loadConfig } from '../../gateway/config.js'
import { loadInThread } from '../../gateway/reload/threaded-load.js'
import { ReloadLab, quiet, watching } from '../support/reload-lab.js'
import { until } from '../support/until.js'

/** 600 codenames; the unit is that of the first. */
const large = (unit: string, head = quiet): string =>
  `${head}devices:\n${Array.from({ length: 6 }, (_, d) => {
    const codename = (c: number): string =>
      `      c${c}: { unit: ${d + c === 0 ? unit : 'W'}, maxAge: 5, schema: { type: number, minimum: 0, maximum: 300 } }\n`
    return `  d${d}:\n    codenames:\n${Array.from({ length: 100 }, (_, c) => codename(c)).join('')}`
  }).join('')}`

describe('a large configuration that is read again', function () {
  this.timeout(30_000)
  let lab: ReloadLab

  beforeEach(() => {
    lab = new ReloadLab()
    lab.isThreaded = true
  })

  afterEach(async () => await lab.stop())

  /** Milliseconds that nothing else came, at most. */
  async function standstill(work: () => Promise<unknown>): Promise<number> {
    let [last, worst] = [performance.now(), 0]
    const look = (): void => {
      const now = performance.now()
      worst = Math.max(worst, now - last)
      last = now
    }
    const timer = setInterval(look, 2)
    await work()
    await sleep(5)
    look()
    clearInterval(timer)
    return worst
  }

  it('holds up nobody: not when it is good, not when it is bad', async () => {
    await lab.begin(large('W'))
    const inOnePiece = await standstill(async () => await loadConfig({ file: lab.file, types: adapterTypes, env: {} }))
    lab.write(large('V'))
    const good = await standstill(async () => assert.equal((await lab.gateway.reload('call')).result, 'applied'))
    lab.write(`${large('U')}x: [`)
    const bad = await standstill(async () => await assert.rejects(lab.gateway.reload('call'), { class: 'BadPayload' }))
    console.log(`      standstill: read at once ${Math.round(inOnePiece)} ms, reload ${Math.round(good)} ms, refused ${Math.round(bad)} ms`)
    // How fast this computer is now counts for both.
    assert.ok(Math.max(good, bad) < inOnePiece / 3, `${good} and ${bad} of ${inOnePiece} ms`)
  })

  it('is not checked where it says what it said, as after each start', async () => {
    lab.write(large('W', watching))
    let checks = 0
    const { load } = lab
    Object.assign(lab, { load: async (...given: Parameters<typeof load>) => ((checks += 1), await load(...given)) })
    await lab.start()
    assert.equal(checks, 1)
    lab.write(large('W', watching))
    assert.equal((await lab.gateway.reload('call')).result, 'unchanged')
    assert.equal(checks, 1)
    lab.write(large('V', watching))
    await until(() => checks > 1, 'it is not watched')
    await until(() => lab.log.lines.some(({ message }) => message.includes('read again and applied')), 'it is not applied')
    // The gateway looks once after the start, and once for what was written.
    assert.equal(checks, 2)
  })

  it('is what it would be without a thread, also what is wrong with it', async () => {
    const signal = new AbortController().signal
    lab.write(large('"${UNIT}"').replace('c7: {', '21984878: {').replace('d3:', "'3':"))
    const env = { UNIT: 'mbar' }
    const checked = await loadInThread({ file: lab.file, env }, systemClock, signal)
    assert.deepEqual(checked, await loadConfig({ file: lab.file, types: adapterTypes, env }))
    assert.deepEqual([...checked.site.devices.keys()].slice(2, 4), ['d2', '3'])
    lab.write(large('W').replace('unit: W', 'unti: W'))
    const problems = async (loading: Promise<unknown>): Promise<unknown> =>
      await loading.then(
        () => assert.fail('it was taken'),
        (error: unknown) => (error instanceof ConfigError ? error.problems : error)
      )
    assert.deepEqual(
      await problems(loadInThread({ file: lab.file, env: {} }, systemClock, signal)),
      await problems(loadConfig({ file: lab.file, types: adapterTypes, env: {} }))
    )
  })

  it('is given up when the gateway stops', async () => {
    await lab.begin(large('W'))
    lab.write(large('V'))
    const reloading = assert.rejects(lab.gateway.reload('call'), /stopping|ended/)
    await lab.gateway.stop()
    await reloading
  })
})
