// Owns one download for outbound.ts: from the name to the body, over addresses that were checked before they are dialled.

import { isIPv6, type TcpNetConnectOpts } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { Client, type Dispatcher } from 'undici'
import { isPublicAddress } from './addresses.ts'
import { OutboundError } from './outbound-error.ts'
import { createResolve, type Resolve } from './outbound-resolve.ts'
import { literalAddress } from './outbound-target.ts'

/** A large key set. Metadata documents are smaller, which oidc-provider sees to. */
const MOST_BYTES = 64 * 1024
const HEADER_BYTES = 8 * 1024
/** Between one address of a host and the next. */
const ATTEMPT_MS = 500
const LASTING = { isLasting: true }

/** Everything that goes out, whoever asked: no cookies, no credentials, no version, no compression to bomb us with. */
const HEADERS = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'Gatehouse' }
/** What comes back beside the body: how long it may be kept. */
const PASSED_ON = ['content-type', 'cache-control', 'expires'] as const

export interface DownloadOptions {
  readonly maxBytes?: number
  /** Seams for tests, which have no public https server: name resolution, the addresses let through, where they lead. */
  readonly resolve?: Resolve
  readonly isAllowed?: (address: string) => boolean
  readonly dialPort?: number
  readonly ca?: string
}

export interface Download {
  readonly headers: [string, string][]
  readonly body: Uint8Array<ArrayBuffer>
}

/** The server speaks of itself, or asks for patience (RFC 9110 §15.6; §15.5.9, RFC 6585 §4): not of the document. */
const PASSING_STATUS = /^(?:408|429|5\d\d)$/

export async function download(
  target: URL,
  signal: AbortSignal,
  options: DownloadOptions,
): Promise<Download> {
  const client = await openChecked(target, signal, options)
  try {
    const path = target.pathname + target.search
    const answer = await client.request({ method: 'GET', path, headers: HEADERS, signal })
    return await read(answer, options.maxBytes ?? MOST_BYTES)
  } finally {
    await client.destroy()
  }
}

/** A connection to that host alone, over an address that was checked. To be destroyed by who asked for it. */
export async function openChecked(
  target: URL,
  signal: AbortSignal,
  options: DownloadOptions,
): Promise<Client> {
  const { resolve = createResolve(), isAllowed = isPublicAddress } = options
  const literal = literalAddress(target.hostname)
  const addresses =
    literal === null ? await unlessAborted(signal, resolve(target.hostname, signal)) : [literal]
  if (addresses.length === 0) throw new OutboundError('the name has no address')
  // One address that is not public condemns them all: a name that leads both ways was made to.
  if (!addresses.every(isAllowed)) throw new OutboundError('the address is not public', LASTING)
  return connectionTo(target, addresses, signal, options)
}

/** One connection to one of the checked addresses; the URL's host stays the name in TLS and in the Host header. */
function connectionTo(
  target: URL,
  addresses: readonly string[],
  signal: AbortSignal,
  options: DownloadOptions,
) {
  return new Client(target.origin, {
    connect: (_to, done) => {
      const socket = dial(target, addresses, options)
      const fail = (error: Error) => done(error, null)
      // Also a handshake that stalls ends with the deadline.
      addAbortSignal(signal, socket).once('error', fail)
      socket.once('secureConnect', () => {
        socket.off('error', fail)
        done(null, socket)
      })
    },
    allowH2: false,
    pipelining: 0,
    maxHeaderSize: HEADER_BYTES,
    maxResponseSize: options.maxBytes ?? MOST_BYTES,
  })
}

function dial(target: URL, addresses: readonly string[], { dialPort, ca }: DownloadOptions): TLSSocket {
  const known = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
  const literal = literalAddress(target.hostname)
  const options: ConnectionOptions & TcpNetConnectOpts = {
    host: literal ?? target.hostname,
    port: dialPort ?? 443,
    // RFC 6066 §3: no server name for an address; the certificate is then checked against the address.
    servername: literal === null ? target.hostname : '',
    ALPNProtocols: ['http/1.1'],
    // Also where NODE_TLS_REJECT_UNAUTHORIZED says otherwise.
    rejectUnauthorized: true,
    lookup: (_host, _options, done) => done(null, known),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
    ...(ca === undefined ? {} : { ca }),
  }
  return connect(options)
}

async function read(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<Download> {
  if (statusCode !== 200)
    throw new OutboundError(`the answer was ${statusCode}`, {
      isLasting: !PASSING_STATUS.test(`${statusCode}`),
    })
  if (Number(headers['content-length'] ?? 0) > maxBytes)
    throw new OutboundError('the document is too large', LASTING)
  if ((headers['content-encoding'] ?? 'identity') !== 'identity')
    throw new OutboundError('the document is compressed', LASTING)
  const passedOn = PASSED_ON.map((name): [string, string] => [name, String(headers[name] ?? '')])
  return {
    headers: passedOn.filter(([, value]) => value !== ''),
    body: new Uint8Array(await body.arrayBuffer()),
  }
}

/** Ends the waiting, whatever becomes of the work. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const giveUp = () => reject(signal.reason)
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
