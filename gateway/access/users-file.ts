/** The file of users: JSON of one version, read by the gateway, written by `labgate users`. */
import { constants } from 'node:fs'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { platform } from 'node:process'
import { syncFolder } from '../runs/disk.js'
import { namePattern } from '../topic.js'
import { formatHash, parseHash } from './password.js'
import type { Hash } from './password.js'

export interface User {
  readonly role: string
  /** Undefined: comes in by a certificate only. */
  readonly password: Hash | undefined
}

export type Users = ReadonlyMap<string, User>

/** The file cannot be used; the message tells a person why, and what to do. */
export class UsersFileError extends Error {
  override readonly name = 'UsersFileError'
}

const version = 1

/** Bytes, and users: more is none of ours. */
const largest = 4 * 2 ** 20
export const mostUsers = 10_000

/** What a file was when it was looked at: another text means that it may hold something else. */
export type Mark = string

/** Undefined: it is not there, or may not be looked at. */
export async function mark(path: string): Promise<Mark | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch {
    return undefined
  }
}

/** Rejects with a {@link UsersFileError}. `open`: others than its owner and group may read it, or others than its owner may write it. */
export async function readUsers(path: string): Promise<{ readonly users: Users; readonly isOpen: boolean }> {
  let text: string
  let mode: number
  try {
    // A pipe would hold us for ever.
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) throw new UsersFileError(`${path} is no file; access.users names the file that labgate users add makes`)
      if (stats.size > largest) throw new UsersFileError(`${path} is larger than ${largest} bytes, and no file of users`)
      mode = stats.mode
      text = await handle.readFile('utf8')
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof UsersFileError) throw error
    throw new UsersFileError(unreadable(path, error as NodeJS.ErrnoException))
  }
  return { users: parseUsers(text, path), isOpen: platform !== 'win32' && (mode & 0o027) !== 0 }
}

function unreadable(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return `there is no file ${path}; make it with: labgate users add NAME --role admin --file ${path}`
  if (code === 'EACCES') return `${path} may not be read by this user; give the file to the user that runs the gateway`
  return `${path} cannot be read: ${message}`
}

/** Pure. Throws a {@link UsersFileError}. `path`: as messages name it. */
export function parseUsers(text: string, path: string): Users {
  const wrong = (what: string): never => {
    throw new UsersFileError(`${path} is damaged: ${what}; put back a copy, or move it away and add the users again`)
  }
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    return wrong('it is no JSON')
  }
  if (!isObject(data) || !isObject(data['users'])) return wrong('it holds no users')
  if (typeof data['version'] === 'number' && data['version'] > version)
    throw new UsersFileError(`${path} was written by a newer labgate (version ${data['version']} of the file); update this one`)
  if (data['version'] !== version) return wrong('its version is missing')
  const entries = Object.entries(data['users'])
  if (entries.length > mostUsers) return wrong(`it holds more than ${mostUsers} users`)
  return new Map(
    entries.map(([name, user]): [string, User] => {
      if (!namePattern.test(name)) return wrong(`${JSON.stringify(name.slice(0, 100))} is no name of a user`)
      if (!isObject(user) || typeof user['role'] !== 'string') return wrong(`${name} has no role`)
      const { role, password } = user
      if (password === undefined) return [name, { role, password }]
      const hash = typeof password === 'string' ? parseHash(password) : undefined
      return hash === undefined ? wrong(`the password of ${name} is not one that labgate users wrote`) : [name, { role, password: hash }]
    })
  )
}

export function formatUsers(users: Users): string {
  const entries = [...users].map(([name, { role, password }]) => [
    name,
    { role, ...(password === undefined ? {} : { password: formatHash(password) }) }
  ])
  return `${JSON.stringify({ version, users: Object.fromEntries(entries) as unknown }, undefined, 2)}\n`
}

export interface Change {
  /** The users as they are now, to be changed; nothing is written when it throws. */
  readonly change: (users: Map<string, User>) => void
  /** There need not be a file. */
  readonly create: boolean
  /** Waits a little, and for how often while another one writes. */
  readonly wait: () => Promise<void>
  readonly tries: number
}

/**
 * Reads, changes and writes the file; afterwards it is the new one or, whatever happens, the old one. The new one is written beside it
 * under the name with `.lock`, which only one can make at a time, and takes its place. Rejects with a {@link UsersFileError}, or with what `change` throws.
 */
export async function changeUsers(given: string, { change, create, wait, tries }: Change): Promise<void> {
  // A link stays one.
  const path = await realpath(given).catch(() => given)
  const lock = `${path}.lock`
  const handle = await take(lock, wait, tries)
  try {
    try {
      const before = await stat(path).catch(() => undefined)
      const users = new Map(before === undefined && create ? [] : (await readUsers(path)).users)
      change(users)
      if (users.size > mostUsers) throw new UsersFileError(`${path} holds ${mostUsers} users, which is all that it may`)
      await handle.writeFile(formatUsers(users))
      if (before !== undefined) {
        // As root for the gateway's own user, or for a group: who could read it still can, but nobody else.
        if (platform !== 'win32') await handle.chown(before.uid, before.gid)
        await handle.chmod(before.mode & 0o640)
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(lock, path)
  } catch (error) {
    await rm(lock, { force: true }).catch(() => {})
    const { code, message } = error as NodeJS.ErrnoException
    throw code === undefined ? error : new UsersFileError(`${path} cannot be written: ${message}`)
  }
  await syncFolder(dirname(path))
}

async function take(lock: string, wait: () => Promise<void>, tries: number): Promise<FileHandle> {
  for (let left = tries; ; left--) {
    try {
      return await open(lock, 'wx', 0o600)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') throw new UsersFileError(`there is no folder ${dirname(lock)}; make it first`)
      if (code !== 'EEXIST') throw new UsersFileError(`${lock} cannot be made: ${message}`)
      if (left <= 0) throw new UsersFileError(`another labgate users is at work; if none is, it was ended halfway: delete ${lock}`)
    }
    await wait()
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
