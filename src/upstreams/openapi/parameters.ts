// Owns the parameters and the content of an operation, as its document declares them (OpenAPI 3.1 §4.8.12 and §4.8.13).

import { isRecord, type Members } from '../../mcp/rpc.ts'
import type { Content, Parameter, Style } from './operation.ts'
import { resolved } from './pointer.ts'

/** What is declared, before it has a name among the arguments. */
export interface Declared {
  readonly parameter: Omit<Parameter, 'argument'>
  readonly schema: unknown
  readonly description: string | null
}

export interface DeclaredContent {
  readonly content: Omit<Content, 'argument'>
  readonly schema: unknown
  readonly description: string | null
}

/** OpenAPI 3.1 §4.8.12.2.1 leaves out the first three; the rest belongs to the connection, to proxies or to who we are. */
const NOT_FOR_ARGUMENTS =
  /^(?:accept|content-type|authorization|accept-encoding|connection|content-length|cookie2?|expect|forwarded|host|keep-alive|origin|te|trailer|transfer-encoding|upgrade|user-agent|via|x-real-ip|(?:mcp|proxy|sec|x-forwarded)-.*)$/
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const COOKIE_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

const STYLES: Readonly<Record<Parameter['place'], readonly Style[]>> = {
  path: ['simple'],
  header: ['simple'],
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  cookie: ['form'],
}

/** Those of the operation before those of its path. Null when one of them cannot be sent as it wants to be. */
export function parametersOf(document: Members, ...lists: readonly unknown[]): readonly Declared[] | null {
  const found = new Map<string, Declared | null>()
  for (const each of lists.flatMap((list) => (Array.isArray(list) ? list : []))) {
    const parameter = resolved(document, each)
    if (parameter === null) return null
    const key = `${parameter.in} ${parameter.name}`
    if (!found.has(key)) found.set(key, isLeftOut(parameter) ? null : declared(document, parameter))
    if (found.get(key) === null && !isLeftOut(parameter)) return null
  }
  return [...found.values()].filter((each) => each !== null)
}

function isLeftOut({ in: place, name }: Members): boolean {
  return place === 'header' && typeof name === 'string' && NOT_FOR_ARGUMENTS.test(name.toLowerCase())
}

function declared(document: Members, parameter: Members): Declared | null {
  const { name, in: place, required, description } = parameter
  if (typeof name !== 'string' || !isPlace(place) || !canBeNamed(name, place)) return null
  const content = isRecord(parameter.content) ? Object.entries(parameter.content)[0] : undefined
  const style = content === undefined ? styleOf(parameter, place) : styleOfContent(content[0])
  if (style === null) return null
  const schema = content === undefined ? parameter.schema : memberOf(content[1], 'schema')
  const explode = typeof parameter.explode === 'boolean' ? parameter.explode : style === 'form'
  const members = membersOf(document, schema)
  return {
    parameter: { name, place, required: required === true || place === 'path', style, explode, members },
    schema,
    description: textOf(description),
  }
}

function isPlace(place: unknown): place is Parameter['place'] {
  return place === 'path' || place === 'query' || place === 'header' || place === 'cookie'
}

function canBeNamed(name: string, place: Parameter['place']): boolean {
  if (place === 'header') return HEADER_NAME.test(name.toLowerCase())
  return place === 'cookie' ? COOKIE_NAME.test(name) : name !== ''
}

function styleOf({ style }: Members, place: Parameter['place']): Style | null {
  const [usual, ...others] = STYLES[place]
  if (style === undefined) return usual ?? null
  return [usual, ...others].find((each) => each === style) ?? null
}

function styleOfContent(mediaType: string): Style | null {
  return isJson(mediaType) ? 'json' : null
}

function membersOf(document: Members, schema: unknown): ReadonlySet<string> | null {
  const properties = resolved(document, schema)?.properties
  return isRecord(properties) ? new Set(Object.keys(properties)) : null
}

/** Undefined when there is none; null when there is none that we can write. */
export function contentOf(document: Members, requestBody: unknown): DeclaredContent | null | undefined {
  if (requestBody === undefined) return undefined
  const body = resolved(document, requestBody)
  const choices = isRecord(body?.content) ? Object.entries(body.content) : []
  for (const kind of ['json', 'form', 'text'] as const) {
    const choice = choices.find(([mediaType]) => kindOf(mediaType) === kind)
    if (choice === undefined) continue
    const [mediaType, media] = choice
    return {
      content: { mediaType, kind, required: body?.required === true },
      schema: kind === 'text' ? { type: 'string' } : memberOf(media, 'schema'),
      description: textOf(body?.description),
    }
  }
  return body?.required === true ? null : undefined
}

function kindOf(mediaType: string): Content['kind'] | null {
  // RFC 9110 §8.3.1: nothing but a type and parameters may come into the header.
  if (!/^[\w.+-]+\/[\w.+-]+(?:\s*;\s*[\w-]+=[\w-]+)*$/.test(mediaType)) return null
  if (isJson(mediaType)) return 'json'
  if (/^application\/x-www-form-urlencoded\b/i.test(mediaType)) return 'form'
  return /^text\//i.test(mediaType) ? 'text' : null
}

export function isJson(mediaType: string): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/i.test(mediaType)
}

function memberOf(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
