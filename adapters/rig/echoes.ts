/** What comes back for what was sent: is it the echo? */

/** The same bytes; or exactly `maxEchoBytes` of them, from a peer that reads no more (section 9, section 11). */
export function isEcho(bytes: Buffer, sent: Buffer, maxEchoBytes: number | null | undefined): boolean {
  if (bytes.length === sent.length) return bytes.equals(sent)
  return bytes.length === maxEchoBytes && isBeginning(bytes, sent)
}

/** The first bytes of what was sent, and not all. */
export function isBeginning(bytes: Buffer, sent: Buffer): boolean {
  return bytes.length > 0 && bytes.length < sent.length && sent.compare(bytes, 0, bytes.length, 0, bytes.length) === 0
}
