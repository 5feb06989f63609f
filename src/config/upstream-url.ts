// Owns which addresses an upstream of the configuration may have.

import ipaddr from 'ipaddr.js'
import * as z from 'zod'
import { parsed } from './values.ts'

const URL_EXPECTED = 'an http or https URL without user and fragment'
const DOCUMENT_EXPECTED = `the path of a file, or ${URL_EXPECTED}, not link-local`

export const upstreamUrl = urlOr(URL_EXPECTED)

/** Of an entry that says nothing of its kind: it may have been meant to be of any. */
export const onlyUrl = urlOr(`${URL_EXPECTED}, or a command or openapi in its place`)

function urlOr(whenMissing: string) {
  return z
    .string({ error: ({ input }) => (input === undefined ? whenMissing : URL_EXPECTED) })
    .pipe(parsed(parseUpstreamUrl, `${URL_EXPECTED}, not link-local`))
}

/** A URL as above, or a path on this machine. */
export const documentPlace = z
  .string({ error: DOCUMENT_EXPECTED })
  .pipe(parsed(parseDocumentPlace, DOCUMENT_EXPECTED))

/** Braces are in no URL (RFC 3986 §2): they would be a reference, and nothing is expanded here. */
function parseUpstreamUrl(text: string): string | undefined {
  const url = /^https?:\/\/[^\s\\{}]+$/i.test(text) ? URL.parse(text) : null
  if (url === null || url.username !== '' || url.password !== '' || text.includes('#')) return undefined
  return isLinkLocal(url.hostname) ? undefined : url.href
}

/** Where clouds keep the credentials of a machine; no MCP server lives there. */
function isLinkLocal(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'linkLocal'
}

function parseDocumentPlace(text: string): string | undefined {
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(text)) return parseUpstreamUrl(text)
  return /^[^\0{}]{1,4096}$/.test(text) ? text : undefined
}
