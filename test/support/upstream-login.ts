// Owns the way of a person to a login at an upstream: our page, the upstream's own pages, and back.

import { type Browser, createBrowser, type Page } from './browser.ts'
import type { Teardown } from './database.ts'
import { build, PASSWORD, type Running } from './gatehouse.ts'
import type { GuardedUpstream } from './guarded-upstream.ts'

const ALICE = 'alice@example.com'
export const CONNECT = '/connect/notion'
export const LOGIN = 'form[action="/connect/notion"]'

export async function open(origin: string, browser: Browser, path: string, email = ALICE): Promise<Page> {
  const page = await browser.open(origin + path)
  return page.url.includes('/login/') ? browser.submit(page, { email, password: PASSWORD }) : page
}

/** The person's way at the upstream's own pages: back to where its server sends the browser. */
export async function logInThere(url: string, name = 'carol', answer = 'yes'): Promise<string> {
  const cookies = new Map<string, string>()
  const request = async (at: string, init: RequestInit = {}) => {
    const cookie = [...cookies].map(([key, value]) => `${key}=${value}`).join('; ')
    const response = await fetch(at, { ...init, redirect: 'manual', headers: { ...init.headers, cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [key = '', value = ''] = line.split(';')[0]?.split('=') ?? []
      cookies.set(key, value)
    }
    return response
  }
  const { origin } = new URL(url)
  let at = url
  for (let hops = 0; hops < 12; hops++) {
    const posts = new URL(at).pathname.startsWith('/interaction/')
    const body = new URLSearchParams({ name, answer })
    const response = await request(at, posts ? { method: 'POST', body } : {})
    at = new URL(response.headers.get('location') ?? '/nowhere', at).href
    if (!at.startsWith(`${origin}/`)) return at
  }
  throw new Error('it does not end')
}

export async function logIn(
  running: Pick<Running, 'origin'>,
  browser: Browser,
  email = ALICE,
): Promise<Page> {
  const page = await open(running.origin, browser, CONNECT, email)
  const away = await browser.submit(page, {}, undefined, LOGIN)
  return browser.open(await logInThere(away.url))
}

/** Gatehouse in front of this upstream alone, which is called Notion, and alice who has an account. */
export async function startBefore(
  t: Teardown,
  upstream: Pick<GuardedUpstream, 'url'>,
  auth: object,
): Promise<Running> {
  return startWith(t, { UPSTREAMS: asNotion(upstream.url, auth) })
}

/** The variable that says so. */
export function asNotion(url: string, auth: object): string {
  return JSON.stringify({ notion: { url, title: 'Notion', auth } })
}

/** What `env` says at a reload counts. */
export async function startWith(
  t: Teardown,
  env: Readonly<Record<string, string>>,
  secretKeys?: readonly string[],
): Promise<Running> {
  const running = await build(t, { env, ...(secretKeys && { secretKeys }) })
  await running.createPerson(ALICE)
  return running
}

/** Enters the code of a device at the upstream's own pages, where `complete` leads. */
export async function approveThere(complete: string, name = 'carol', answer = 'yes'): Promise<string> {
  const browser = createBrowser(new URL(complete).origin)
  const entered = await browser.submit(await browser.open(complete), {}, undefined, 'form')
  const confirmed = await browser.submit(entered, { confirm: 'yes' }, undefined, 'form')
  return (await browser.submit(confirmed, { name, answer })).body
}
