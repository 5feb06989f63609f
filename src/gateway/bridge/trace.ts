// Owns the trace context of a request (W3C Trace Context and Baggage), as a peer gets it.

import type { IncomingHttpHeaders } from 'node:http'

const TRACE_HEADERS = ['traceparent', 'tracestate', 'baggage'] as const

export function traceIn(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const trace: Record<string, string> = {}
  for (const name of TRACE_HEADERS) {
    const value = headers[name]
    if (typeof value === 'string') trace[name] = value
  }
  return trace
}
