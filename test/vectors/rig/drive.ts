/** Plays a recorded rig to our client, which is driven as the real controller was. */
import { setTimeout as delay } from 'node:timers/promises'
import { exactEqual, isExactMap } from '../../../adapters/common/exact-json.js'
import type { Exact } from '../../../adapters/common/exact-json.js'
import { dumps } from '../../../adapters/common/python-text.js'
import { asGatewayError } from '../../../gateway/errors.js'
import type { Outcome } from '../run.js'
import { callsOf } from './calls.js'
import type { Asked } from './calls.js'
import { Driver } from './driver.js'
import { openFarRig } from './far-rig.js'
import type { FarRig } from './far-rig.js'
import { misfit, shown } from './fits.js'
import { has, option } from './transcript.js'
import type { Call, Program, Step, Transcript } from './transcript.js'

/** Seconds for what our client says. */
const patience = 3

/** Seconds in which nothing more comes. */
const silence = 0.1

/** Milliseconds between two steps that need not be waited for. */
const atOnce = 15

export async function playDriven(transcript: Transcript): Promise<Outcome> {
  const { setup, transport, owed, steps } = transcript
  const program = setup.find(({ program: name }) => name === 'drive_rig.py')
  if (program === undefined) return { problems: ['no controller is set up'], better: [], unreachable: undefined }
  const far = await openFarRig(transport)
  const port = far.port
  // Nobody is there.
  const isAbsent = transport === 'udp' && steps.length === 0 && transcript.calls.some(({ ok }) => !ok)
  if (isAbsent) far.close()
  const maxEchoBytes = option(program, '--max-message-size')
  const answerWithin = option(program, '--answer-timeout')
  const driver = await Driver.open(
    { uri: `${transport}://127.0.0.1:${port}`, ...(maxEchoBytes === undefined ? {} : { maxEchoBytes: Number(maxEchoBytes) }) },
    answerWithin === undefined ? {} : { answerWithin: Number(answerWithin) }
  )
  try {
    const [said, came] = await Promise.all([isAbsent ? [] : playSteps(transcript, far), drive(program, transcript, driver)])
    const differences = [...said, ...compare(transcript.calls, came)]
    const isExact = owed === 'same' || owed === 'effect'
    const more = isExact || isAbsent ? undefined : await (await far.wire).next(silence)
    if (more !== undefined) differences.push(`at the end: ${shown(more)}, where the original says nothing more`)
    return isExact
      ? { problems: differences, better: [], unreachable: undefined }
      : { problems: isAbsent ? [] : await driver.dead(far), better: differences, unreachable: undefined }
  } finally {
    await driver.close()
    if (!isAbsent) far.close()
  }
}

/** What came of a call. */
type Came =
  { readonly ok: true; readonly answer: Exact | undefined } | { readonly ok: false; readonly code: string; readonly message: string }

async function drive(program: Program, transcript: Transcript, driver: Driver): Promise<Came[]> {
  const came: Came[] = []
  for (const asked of callsOf(program, transcript)) {
    const one = await carryOut(asked, program, driver)
    came.push(one)
    if (!one.ok && !has(program, '--keep-going')) break
  }
  return came
}

async function carryOut(asked: Asked, program: Program, driver: Driver): Promise<Came> {
  if (asked.kind === 'sleep') {
    await delay(asked.seconds * 1000)
    return { ok: true, answer: undefined }
  }
  const isEchoAll = has(program, '--no-answers')
  try {
    const reply = await driver.call(asked, isEchoAll)
    const answer = isExactMap(reply) ? reply.get('answer') : reply
    return { ok: true, answer: isEchoAll ? undefined : answer }
  } catch (thrown) {
    const { code = '', message } = asGatewayError(thrown)
    return { ok: false, code, message }
  }
}

/**
 * What a failure of the original is here. That a message cannot be sent it only finds out by waiting; where its connection is lost for good,
 * ours is dialled anew.
 */
const kinds: Readonly<Record<string, readonly string[]>> = {
  TimeoutError: ['echo-timeout', 'answer-timeout', 'no-listener', 'too-large'],
  RuntimeError: ['echo-mismatch'],
  OSError: ['offline', 'no-listener', 'echo-timeout'],
  KeyError: ['invalid'],
  ValueError: ['invalid']
}

/** The real controller's account of its calls, and ours. */
function compare(wanted: readonly Call[], came: readonly Came[]): string[] {
  return wanted.flatMap((call, i) => {
    const one = came[i]
    if (one === undefined) return [`call ${i + 1} was not made`]
    if (!one.ok && call.ok) return [`call ${i + 1} failed: ${one.message}`]
    if (!one.ok)
      return kinds[call.error]?.includes(one.code) === false
        ? [`call ${i + 1} failed with ${one.code}, not ${call.error}: ${one.message}`]
        : []
    if (!call.ok) return [`call ${i + 1} was done, where the original fails with ${call.error}`]
    const { data } = call
    if (data === undefined || data === null || one.answer === undefined || exactEqual(data, one.answer)) return []
    return [`call ${i + 1}: the answer is ${dumps(one.answer)}, expected ${dumps(data)}`]
  })
}

async function playSteps(transcript: Transcript, far: FarRig): Promise<string[]> {
  const { steps } = transcript
  const differences: string[] = []
  if (steps.length === 0) return []
  const wire = await far.wire
  let before = 0
  for (const [i, step] of steps.entries()) {
    const wait = step.at - before
    before = step.at
    if (step.from === 'server') {
      if (wait > atOnce) await delay(wait)
      if (step.event !== undefined) wire.close()
      else if (isUnheard(transcript, i)) far.sayElsewhere(step.bytes as Buffer)
      else wire.send(step.bytes as Buffer)
    } else if (step.bytes !== undefined) {
      const problem = misfit(step, await wire.next(wait / 1000 + patience, step.bytes))
      if (problem !== undefined) differences.push(`step ${i + 1}: ${problem}`)
    }
  }
  return differences
}

/** The proper echo came in time, and yet its call was recorded as having timed out: it came from another port. */
function isUnheard({ steps, calls, transport, setup }: Transcript, i: number): boolean {
  const step = steps[i] as Step
  const isMessage = ({ from, kind }: Step): boolean => from === 'client' && kind === 'message'
  const messages = steps.slice(0, i).filter(isMessage)
  const last = messages.at(-1)
  const call = calls[messages.length - 1]
  const isEchoAll = setup.some((program) => has(program, '--no-answers'))
  if (transport !== 'udp' || !isEchoAll || step.kind !== 'echo' || last === undefined || call?.error !== 'TimeoutError') return false
  return last.bytes?.equals(step.bytes ?? Buffer.alloc(0)) === true && step.at - last.at < 1000
}
