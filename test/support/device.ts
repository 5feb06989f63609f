// Owns a device in tests: it asks for a code, shows it, and asks for its tokens until it has them.

import type { Browser, Page } from './browser.ts'
import { PASSWORD } from './gatehouse.ts'
import { type Answer, postForm, type Registered, register } from './oauth.ts'

export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

export interface Asked {
  readonly answer: Answer
  readonly deviceCode: string
  readonly userCode: string
}

export function registerDevice(origin: string, metadata: object = {}): Promise<Registered> {
  const grant_types = ['authorization_code', 'refresh_token', DEVICE_GRANT]
  return register(origin, { client_name: 'Television', grant_types, ...metadata })
}

export async function askForCode(
  origin: string,
  { client_id }: Registered,
  parameters: Readonly<Record<string, string | undefined>> = {},
): Promise<Asked> {
  const answer = await postForm(
    `${origin}/device/code`,
    { client_id, resource: `${origin}/mcp`, scope: 'demo:read', ...parameters },
    { 'user-agent': 'Television/7' },
  )
  return {
    answer,
    deviceCode: String(answer.body.device_code),
    userCode: String(answer.body.user_code),
  }
}

export function poll(origin: string, { client_id }: Registered, { deviceCode }: Asked): Promise<Answer> {
  return postForm(`${origin}/token`, { grant_type: DEVICE_GRANT, client_id, device_code: deviceCode })
}

/** Types the code. The page that asks whether it is the person's own device, or what was wrong with the code. */
export async function typeCode(origin: string, browser: Browser, userCode: string): Promise<Page> {
  return browser.submit(await browser.open(`${origin}/device`), { user_code: userCode })
}

/** Types the code, says yes to the device, and signs in when asked: the consent page. */
export async function reachConsent(
  origin: string,
  browser: Browser,
  userCode: string,
  email: string,
): Promise<Page> {
  const page = await browser.submit(await typeCode(origin, browser, userCode), {}, 'continue')
  return page.url.includes('/login/') ? browser.submit(page, { email, password: PASSWORD }) : page
}

/** All the way: the page at the end. */
export async function approve(
  origin: string,
  browser: Browser,
  userCode: string,
  email: string,
): Promise<Page> {
  return browser.submit(await reachConsent(origin, browser, userCode, email), {}, 'allow')
}
