/** PyExpLabSys datagrams are pure ASCII, both ways (pyexplabsys.md section 1). */
import { isAscii, toAscii } from './python-text.js'

/** Three M, in every installation since 2014 (section 4.1). */
export const UNKNOWN_COMMMAND = 'UNKNOWN_COMMMAND'

/** The original reads this much and never learns of the rest: a text cut short is stored and acknowledged (vectors pe-8193, re-truncated). */
export const readBytes = 8192

/** What one UDP datagram over IPv4 can carry; the original fails to send more and stays silent (vector pe-reply-too-big). */
const answerBytes = 65507

/**
 * The text of a request; undefined when a byte of it is 0x80 or more, which nobody answers (vector pe-utf8-request).
 * The cut comes before decoding: a byte past it silences nobody (vector pe-trunc-nonascii).
 */
export function readAscii(datagram: Uint8Array): string | undefined {
  const bytes = Buffer.isBuffer(datagram) ? datagram : Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  const text = bytes.toString('latin1', 0, readBytes)
  return isAscii(text) ? text : undefined
}

/** How answers begin that say of a question what is wrong with it, or what a push socket said: nobody asks so. */
const answers = [UNKNOWN_COMMMAND, 'ACK#', 'RET#', 'ERROR#', 'EXCEP#'].map((text) => Buffer.from(text))

/** Is it what a socket answers? The original answers that too, for ever when it comes from another one of its kind. */
export function isAnswer(datagram: Uint8Array): boolean {
  return answers.some((answer) => datagram[0] === answer[0] && answer.compare(datagram, 0, answer.length) === 0)
}

/** An answer; undefined, which is silence, when it does not fit. Where the original is silent over a character, we escape: `caf\xe9` (5.4). */
export function encodeAscii(text: string): Buffer | undefined {
  const ascii = isAscii(text) ? text : toAscii(text)
  return ascii.length > answerBytes ? undefined : Buffer.from(ascii, 'latin1')
}
