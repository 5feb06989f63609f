// Owns the words for an operation of an API: what it is called with, and where each part of that goes.

import type { Members } from '../../mcp/rpc.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export type Style = 'simple' | 'form' | 'spaceDelimited' | 'pipeDelimited' | 'deepObject' | 'json'

export interface Parameter {
  /** Of the tool's argument. */
  readonly argument: string
  /** At the API. */
  readonly name: string
  readonly place: 'path' | 'query' | 'header' | 'cookie'
  readonly required: boolean
  readonly style: Style
  readonly explode: boolean
  /** The members that an object may be spread into; null where it says none. */
  readonly members: ReadonlySet<string> | null
}

export interface Content {
  readonly argument: string
  readonly mediaType: string
  readonly kind: 'json' | 'form' | 'text'
  readonly required: boolean
}

export interface Operation {
  readonly name: string
  readonly method: Method
  /** With its parameters in braces. */
  readonly path: string
  readonly parameters: readonly Parameter[]
  readonly content: Content | null
  /** As it is listed. */
  readonly tool: Members
}
