// Owns the operations of a document as tools.

import { isRecord, type Members } from '../../mcp/rpc.ts'
import { uniqueNames } from './names.ts'
import type { Content, Method, Operation, Parameter } from './operation.ts'
import { contentOf, type Declared, type DeclaredContent, parametersOf } from './parameters.ts'
import { resolved } from './pointer.ts'
import type { LeftOut } from './problem.ts'
import { createDefinitions } from './schemas.ts'
import { isSafe, isSelected, type Selection } from './selection.ts'

export interface Operations {
  /** By name, in the order of the document. */
  readonly byName: ReadonlyMap<string, Operation>
  readonly leftOut: readonly LeftOut[]
}

const METHODS: readonly Method[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const MAX_OPERATIONS = 1000
const MAX_DESCRIPTION = 4000
const TOO_MANY = `More than ${MAX_OPERATIONS} operations are selected.`

interface Found {
  readonly method: Method
  readonly path: string
  readonly operationId: string | null
  readonly operation: Members
  readonly item: Members
}

/** `document`: as document.ts reads it. */
export function operationsOf(document: Members, selection: Selection): Operations {
  const found = everyOperation(document)
  // The names of all, wanted or not: what is wanted must not change what anything is called.
  const names = uniqueNames(
    found.map(({ method, path, operationId }) => ({
      wanted:
        operationId ??
        `${method.toLowerCase()}_${path
          .replace(/[^A-Za-z0-9-]+/g, ' ')
          .trim()
          .replaceAll(' ', '_')}`,
      identity: `${method} ${path}`,
    })),
  )
  const byName = new Map<string, Operation>()
  const leftOut: LeftOut[] = []
  for (const [at, each] of found.entries()) {
    const name = names[at] ?? ''
    if (!isSelected({ ...each, operationId: each.operationId ?? name }, selection)) continue
    const operation = byName.size < MAX_OPERATIONS ? readOperation(document, each, name) : TOO_MANY
    if (typeof operation === 'string')
      leftOut.push({ operation: `${each.method} ${each.path}`, why: operation })
    else byName.set(name, operation)
  }
  return { byName, leftOut }
}

function everyOperation(document: Members): readonly Found[] {
  const paths = isRecord(document.paths) ? Object.entries(document.paths) : []
  return paths.flatMap(([path, value]) => {
    const item = resolved(document, value)
    if (item === null || !path.startsWith('/')) return []
    return METHODS.flatMap((method) => {
      const operation = item[method.toLowerCase()]
      if (!isRecord(operation)) return []
      const { operationId } = operation
      return [
        { method, path, operationId: typeof operationId === 'string' ? operationId : null, operation, item },
      ]
    })
  })
}

/** Or why it cannot be offered. */
function readOperation(document: Members, found: Found, name: string): Operation | string {
  const { method, path, operation, item } = found
  const declared = parametersOf(document, operation.parameters, item.parameters)
  if (declared === null) return 'It has a parameter that cannot be sent.'
  const undeclared = placeholdersOf(path).find(
    (each) => !declared.some(({ parameter }) => parameter.place === 'path' && parameter.name === each),
  )
  if (undeclared !== undefined) return 'It has a part of the path that no parameter fills.'
  const content = isSafe(method) ? undefined : contentOf(document, operation.requestBody)
  if (content === null) return 'It wants a content that cannot be written.'
  const { parameters, body, inputSchema } = argumentsOf(document, declared, content)
  return { name, method, path, parameters, content: body, tool: toolOf(found, name, inputSchema) }
}

function placeholdersOf(path: string): readonly string[] {
  return [...path.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name)
}

interface Arguments {
  readonly parameters: readonly Parameter[]
  readonly body: Content | null
  readonly inputSchema: Members
}

/** One object of all that can be said, whatever place each part has at the API. */
function argumentsOf(
  document: Members,
  declared: readonly Declared[],
  content: DeclaredContent | undefined,
): Arguments {
  const wanted = declared.map(({ parameter: { name, place } }) => ({
    wanted: name,
    identity: `${place} ${name}`,
  }))
  const names = uniqueNames(content ? [...wanted, { wanted: 'body', identity: 'body' }] : wanted)
  const definitions = createDefinitions(document)
  const properties = [...declared, ...(content ? [content] : [])].map(({ schema, description }, at) => {
    const taken = definitions.take(schema ?? {})
    const described =
      isRecord(taken) && description !== null ? { ...taken, description: shortened(description) } : taken
    return [names[at] ?? '', described] as const
  })
  const parameters = declared.map(({ parameter }, at) => ({ ...parameter, argument: names[at] ?? '' }))
  const body = content ? { ...content.content, argument: names.at(-1) ?? '' } : null
  const all = body === null ? parameters : [...parameters, body]
  const required = all.filter((each) => each.required).map(({ argument }) => argument)
  const $defs = definitions.definitions()
  const inputSchema = {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
    ...(Object.keys($defs).length > 0 && { $defs }),
  }
  return { parameters, body, inputSchema }
}

/** RFC 9110 §9.2: what a method promises, and nothing that a document says about itself. */
function toolOf({ method, path, operation }: Found, name: string, inputSchema: Members): Members {
  const { summary, description } = operation
  const title = typeof summary === 'string' && summary !== '' ? summary : null
  const text = typeof description === 'string' && description !== '' ? description : title
  const annotations = {
    ...(title !== null && { title: shortened(title) }),
    readOnlyHint: isSafe(method),
    ...(!isSafe(method) && {
      destructiveHint: true,
      idempotentHint: method === 'PUT' || method === 'DELETE',
    }),
    openWorldHint: true,
  }
  return {
    name,
    ...(title !== null && { title: shortened(title) }),
    description: shortened(text ?? `${method} ${path}`),
    inputSchema,
    annotations,
  }
}

function shortened(text: string): string {
  return text.length <= MAX_DESCRIPTION ? text : `${text.slice(0, MAX_DESCRIPTION)}…`
}
