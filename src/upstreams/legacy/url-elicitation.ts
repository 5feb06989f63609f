// Owns the error by which an upstream of 2025-11-25 sends a person to a page before it does anything (-32042).

import {
  isRecord,
  LEGACY_URL_ELICITATION_REQUIRED,
  type Members,
  MISSING_CLIENT_CAPABILITY,
  type RpcError,
} from '../../mcp/rpc.ts'
import { elicits } from './capabilities.ts'
import { type InputRequest, mayAsk } from './input.ts'
import type { Answer } from './message.ts'

export type UrlsRequired =
  | { readonly kind: 'asks'; readonly asks: Readonly<Record<string, InputRequest>> }
  | { readonly kind: 'error'; readonly error: RpcError }

const MAX_URLS = 16
const MISSING: RpcError = {
  code: MISSING_CLIENT_CAPABILITY,
  message: 'The upstream server needs to send the person to a web page.',
  data: { requiredCapabilities: { elicitation: { url: {} } } },
}
/** Outside of the range that JSON-RPC reserves: there is no code for it any more. */
const DECLINED: RpcError = {
  code: 403,
  message: 'The upstream server needs the person to open a web page, and that was declined.',
}

/** Null for any other answer. The call was not made, so it can be made again once the person has been there. */
export function urlsRequired(method: string, answer: Answer, capabilities: Members): UrlsRequired | null {
  if (answer.kind === 'result' || answer.error.code !== LEGACY_URL_ELICITATION_REQUIRED) return null
  if (!mayAsk(method)) return null
  const asks = elicitationsIn(answer.error.data)
  if (Object.keys(asks).length === 0) return null
  return elicits('url', capabilities) ? { kind: 'asks', asks } : { kind: 'error', error: MISSING }
}

/** What to answer instead of calling again, or null. */
export function declined(responses: Members): RpcError | null {
  const given = Object.values(responses)
  return given.some((response) => isRecord(response) && response.action !== 'accept') ? DECLINED : null
}

function elicitationsIn(data: unknown): Readonly<Record<string, InputRequest>> {
  const listed: readonly unknown[] =
    isRecord(data) && Array.isArray(data.elicitations) ? data.elicitations : []
  const pages = listed.slice(0, MAX_URLS).filter(isRecord)
  const asks = pages.flatMap(({ message, url }, index) =>
    typeof message === 'string' && typeof url === 'string'
      ? [
          [
            `url${index + 1}`,
            { method: 'elicitation/create', params: { mode: 'url', message, url } },
          ] as const,
        ]
      : [],
  )
  return Object.fromEntries(asks)
}
