// Owns the request that a call of a tool becomes: what the operation declares, encoded, and nothing else.

import { isRecord, type Members } from '../../mcp/rpc.ts'
import { ArgumentProblem, encode, isGiven, queryPairs, simple } from './argument.ts'
import type { Operation, Parameter } from './operation.ts'

export interface Outgoing {
  readonly url: string
  /** Of the arguments alone, by name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly cookies: readonly string[]
  readonly contentType: string | null
  readonly body: string | null
}

/** `base`: where the API is. Throws an `ArgumentProblem`. */
export function outgoing(operation: Operation, given: Members, base: string): Outgoing {
  refuseUnknown(operation, given)
  const at = (place: Parameter['place']) =>
    operation.parameters.filter(
      (parameter) => parameter.place === place && isGiven(given[parameter.argument]),
    )
  const query = at('query').flatMap((parameter) => queryPairs(parameter, given[parameter.argument]))
  return {
    url: urlOf(base, pathOf(operation, given), query),
    headers: Object.fromEntries(
      at('header').map((parameter) => headerOf(parameter, given[parameter.argument])),
    ),
    cookies: at('cookie').map(
      (parameter) => `${parameter.name}=${encode(simple(parameter, given[parameter.argument]))}`,
    ),
    ...contentOf(operation, given),
  }
}

function refuseUnknown({ parameters, content }: Operation, given: Members): void {
  const known = content === null ? parameters : [...parameters, content]
  const unknown = Object.keys(given).find((name) => !known.some(({ argument }) => argument === name))
  if (unknown !== undefined) throw new ArgumentProblem(`There is no argument "${unknown.slice(0, 64)}".`)
  const missing = known.find(({ argument, required }) => required && !isGiven(given[argument]))
  if (missing) throw new ArgumentProblem(`The argument "${missing.argument}" is missing.`)
}

function pathOf({ path, parameters }: Operation, given: Members): string {
  return path.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const parameter = parameters.find((each) => each.place === 'path' && each.name === name)
    if (!parameter) throw new Error(`No parameter fills {${name}}.`)
    return segment(parameter, given[parameter.argument])
  })
}

/** One value stays within its place: it leads neither up nor to another path, however often somebody decodes it. */
function segment(parameter: Parameter, value: unknown): string {
  const text = simple(parameter, value)
  if (text === '') throw new ArgumentProblem(`The argument "${parameter.argument}" must not be empty.`)
  for (let decoded = text, last = ''; decoded !== last; decoded = decodedOnce(decoded)) {
    last = decoded
    if (decoded.split(/[/\\]/).some((part) => part === '.' || part === '..'))
      throw new ArgumentProblem(
        `The argument "${parameter.argument}" must not contain "." or ".." as a step of a path.`,
      )
  }
  return encode(text)
}

function decodedOnce(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function urlOf(base: string, path: string, query: readonly string[]): string {
  const { origin, pathname, search } = new URL(base)
  const wanted = pathname.replace(/\/$/, '') + path
  const all = [...(search === '' ? [] : [search.slice(1)]), ...query].join('&')
  const url = new URL(`${origin}${wanted}${all === '' ? '' : `?${all}`}`)
  // Whatever the text of a document or of an argument is: the place is the one that was meant, or nothing is sent.
  if (url.origin !== origin || decodedOnce(url.pathname) !== decodedOnce(wanted) || url.hash !== '')
    throw new ArgumentProblem('The arguments lead to another place than this operation.')
  return url.href
}

function headerOf(parameter: Parameter, value: unknown): readonly [string, string] {
  const text = simple(parameter, value)
  if (!/^[\x20-\x7e\x80-\xff]*$/.test(text))
    throw new ArgumentProblem(`The argument "${parameter.argument}" has characters that cannot be sent.`)
  return [parameter.name.toLowerCase(), text.trim()]
}

function contentOf({ content }: Operation, given: Members): Pick<Outgoing, 'contentType' | 'body'> {
  const value = content === null ? undefined : given[content.argument]
  if (content === null || value === undefined) return { contentType: null, body: null }
  return { contentType: content.mediaType, body: written(content.argument, content.kind, value) }
}

function written(argument: string, kind: 'json' | 'form' | 'text', value: unknown): string {
  if (kind === 'json') return JSON.stringify(value)
  if (kind === 'text') {
    if (typeof value === 'string') return value
    throw new ArgumentProblem(`The argument "${argument}" is a text.`)
  }
  if (!isRecord(value)) throw new ArgumentProblem(`The argument "${argument}" is an object.`)
  return new URLSearchParams(
    Object.entries(value).flatMap(([name, each]) =>
      (Array.isArray(each) ? each : [each]).map((one): [string, string] => [name, formText(one)]),
    ),
  ).toString()
}

function formText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
