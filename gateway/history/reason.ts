import { hint } from '../broker/store/disk.js'
import { DamagedError } from './shelf.js'

/** It does not come from the store: readings, or a row, are not as they should be. */
export function isOurs(error: unknown): boolean {
  return error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError
}

/** Why nothing is written, or not all, and what to do. */
export function reasonOf(error: Error): string {
  const { message } = error
  if (error instanceof DamagedError || message.startsWith('cannot ')) return message
  return isOurs(error) ? `cannot write some of the readings: ${message}` : `cannot write: ${hint(error)}`
}
