import type { FastifySchemaCompiler } from 'fastify'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { components } from './components.js'
import { HttpError } from './problem.js'
import { readQuery } from './query.js'

/** A part of a request that its schema judges. */
type Part = 'body' | 'querystring' | 'params' | 'headers'

const parts: Readonly<Record<Part, { readonly name: string; readonly sign: string }>> = {
  body: { name: 'the body', sign: '' },
  querystring: { name: 'the question of the address', sign: '?' },
  params: { name: 'the path', sign: '' },
  headers: { name: 'the headers', sign: '' }
}

/**
 * Fastify's own would convert what does not fit and drop what it does not know: `{"value":"1","typo":1}` must be refused.
 * Each schema is compiled when it is first used.
 */
export function validatorCompiler(): FastifySchemaCompiler<object> {
  let ajv: Ajv2020 | undefined
  return ({ schema, httpPart }) => {
    const part = (httpPart ?? 'body') as Part
    // A parameter that nobody reads is a typing error.
    const closed = part === 'querystring' && !('additionalProperties' in schema) ? { ...schema, additionalProperties: false } : schema
    let validate: ValidateFunction | undefined
    return (data: unknown) => {
      validate ??= (ajv ??= create()).compile(closed)
      const value = part === 'querystring' ? readQuery(data as Record<string, unknown>, closed) : data
      if (validate(value)) return { value }
      return { error: refusal(validate.errors?.[0], part) }
    }
  }
}

function create(): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, ownProperties: true, allErrors: false })
  // The package's types describe its CommonJS form, where the function is the default export of the default export.
  const add = addFormats as unknown as (ajv: Ajv2020) => void
  add(ajv)
  // They are our own, and tested.
  for (const component of components()) ajv.addSchema(component, undefined, false, false)
  return ajv
}

function refusal(error: ErrorObject | undefined, part: Part): HttpError {
  const { name, sign } = parts[part]
  const params = (error?.params ?? {}) as Record<string, unknown>
  const member = params['additionalProperty'] ?? params['missingProperty'] ?? params['unevaluatedProperty']
  const place = (error?.instancePath ?? '') + (typeof member === 'string' ? `/${member.slice(0, 60)}` : '')
  const path = sign === '' ? place : sign + place.slice(1)
  const where = error?.instancePath === undefined || error.instancePath === '' ? name : path
  return new HttpError('BadPayload', `${where} ${describe(error)}`, {
    rule: error?.keyword ?? 'schema',
    ...(path === '' || path === '?' ? {} : { path })
  })
}

function describe(error: ErrorObject | undefined): string {
  const params = (error?.params ?? {}) as Record<string, unknown>
  if (error?.keyword === 'additionalProperties') return `must not have ${JSON.stringify(String(params['additionalProperty']).slice(0, 60))}`
  if (error?.keyword === 'enum')
    return `must be one of ${(params['allowedValues'] as unknown[]).map((value) => JSON.stringify(value)).join(', ')}`
  return error?.message ?? 'breaks its schema'
}
