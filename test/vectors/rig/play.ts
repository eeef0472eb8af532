/** Plays one recorded talk of a rig and its controller: the gateway takes the place of the end that was real. */
import type { ExactMap } from '../../../adapters/common/exact-json.js'
import type { Outcome } from '../run.js'
import { playDriven } from './drive.js'
import { playServed } from './serve.js'
import { readTranscript } from './transcript.js'

export async function playRig(line: ExactMap): Promise<Outcome> {
  const transcript = readTranscript(line)
  if (!transcript.isReplayable || transcript.role === 'both')
    return { problems: [], better: [], unreachable: 'both ends are real, so the steps alone cannot be played' }
  return transcript.role === 'server' ? await playServed(transcript) : await playDriven(transcript)
}
