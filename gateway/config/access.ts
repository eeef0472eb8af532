/** Roles, and certificates of clients: what is wrong with them before anybody comes. */
import { nobody, roleNames } from '../access/roles.js'
import { ruleFault } from '../access/rules.js'
import type { Finding, Path } from './problem.js'
import { quote, suggest } from './words.js'

/** `data`: the file, as far as it is right; what keeps not to the schema is told elsewhere. */
export function checkAccess(data: Readonly<Record<string, unknown>>): Finding[] {
  const access = object(data['access'])
  const roles = object(access['roles'])
  const { anonymous } = access
  const names = [...roleNames(roles as never)].filter((name) => name !== nobody)
  const findings = Object.entries(roles).flatMap(([name, role]) => checkRole(name, role))
  if (typeof anonymous === 'string' && anonymous !== nobody && !names.includes(anonymous))
    findings.push({
      path: ['access', 'anonymous'],
      at: 'value',
      rule: 'unknown-role',
      message: `there is no role ${quote(anonymous)}${suggest(anonymous, [...names, nobody])}`
    })
  for (const part of ['broker', 'http']) {
    const tls = object(object(data[part])['tls'])
    const { clients, ca } = tls
    if ((clients === 'optional' || clients === 'required') && ca === undefined)
      findings.push({
        path: [part, 'tls', 'clients'],
        at: 'value',
        rule: 'no-ca',
        message: `with ${clients} the gateway must know whose certificates it believes; name them with ca beside it`
      })
  }
  return findings
}

function checkRole(name: string, role: unknown): Finding[] {
  const path: Path = ['access', 'roles', name]
  if (name === nobody) return [{ path, at: 'key', rule: 'reserved', message: `${nobody} means nobody; choose another name` }]
  return ['read', 'write'].flatMap((list) => {
    const entries = object(role)[list]
    return (Array.isArray(entries) ? entries : []).flatMap((entry: unknown, index): Finding[] => {
      const fault = typeof entry === 'string' ? ruleFault(entry) : undefined
      if (fault === undefined) return []
      return [
        { path: [...path, list, index], at: 'value', rule: 'filter', message: `${quote(entry as string)} is no topic filter: ${fault}` }
      ]
    })
  })
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
