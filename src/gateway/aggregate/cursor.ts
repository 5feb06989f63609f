// Owns the cursor of a list of lists: where each upstream that has more goes on (MCP 2026-07-28, server/utilities/pagination.mdx).

/** By the name of the upstream. */
export type Cursors = ReadonlyMap<string, string>

/** Nothing is kept for it: any replica goes on. It holds no more than what each upstream would have given this client. */
export function writeCursor(method: string, cursors: Cursors): string {
  return Buffer.from(JSON.stringify([method, ...cursors])).toString('base64url')
}

/** Null for what is not a cursor of this method. */
export function readCursor(method: string, cursor: string): Cursors | null {
  const parsed = parse(Buffer.from(cursor, 'base64url').toString())
  if (!Array.isArray(parsed)) return null
  const [of, ...entries]: readonly unknown[] = parsed
  if (of !== method || entries.length === 0 || !entries.every(isEntry)) return null
  return new Map(entries)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function isEntry(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === 'string')
}
