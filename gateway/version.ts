import { readFileSync } from 'node:fs'

/** Of labgate, as package.json says. */
export const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

/** Unix seconds; raised with each release. A clock that says less is wrong. */
export const released = Date.UTC(2026, 0, 1) / 1000
