// Owns the known browser: a signed cookie saying that these accounts have signed in from here before.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export const KNOWN_BROWSER_SECONDS = 180 * 24 * 60 * 60

/** The last ones to sign in; the cookie stays small. */
const MAX_ACCOUNTS = 8

export interface KnownBrowsers {
  /** The browser's identifier when this account has signed in from it, else null. `account` is a pseudonym. */
  recognise(cookie: string | undefined, account: string): string | null
  /** The cookie to set after this account has signed in. */
  remember(cookie: string | undefined, account: string): string
}

interface Browser {
  /** Random, and the time it was made: `<128 bits>.<seconds>`. */
  readonly id: string
  /** One per account, newest first. */
  readonly proofs: readonly string[]
}

/**
 * It opens nothing by itself: an attempt from a known browser is counted by the browser instead of by the account, so
 * that guesses from elsewhere do not lock the person out. `keys`: the first signs, all verify.
 */
export function createKnownBrowsers(
  keys: readonly Uint8Array[],
  now: () => number = Date.now,
): KnownBrowsers {
  const proofs = (id: string, account: string) => keys.map((key) => proof(key, id, account))

  return {
    recognise(cookie, account) {
      const browser = parse(cookie, now())
      if (!browser) return null
      const expected = proofs(browser.id, account)
      return browser.proofs.some((given) => expected.some((one) => equal(given, one))) ? browser.id : null
    },
    remember(cookie, account) {
      const { id, proofs: others } = parse(cookie, now()) ?? newBrowser(now())
      const own = proofs(id, account)
      const kept = others.filter((given) => !own.includes(given)).slice(0, MAX_ACCOUNTS - 1)
      return [id, ...own.slice(0, 1), ...kept].join('~')
    },
  }
}

function newBrowser(now: number): Browser {
  return { id: `${randomBytes(16).toString('base64url')}.${Math.floor(now / 1000)}`, proofs: [] }
}

function parse(cookie: string | undefined, now: number): Browser | null {
  const match = /^([\w-]{22}\.(\d{1,12}))((?:~[\w-]{22}){1,8})$/.exec(cookie ?? '')
  if (!match) return null
  const [, id = '', since = '', proofs = ''] = match
  if (now / 1000 - Number(since) > KNOWN_BROWSER_SECONDS) return null
  return { id, proofs: proofs.slice(1).split('~') }
}

function proof(key: Uint8Array, id: string, account: string): string {
  return createHmac('sha256', key).update(`${id}\0${account}`).digest().subarray(0, 16).toString('base64url')
}

function equal(given: string, expected: string): boolean {
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected))
}
