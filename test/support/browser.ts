// Owns a person's browser without a window: cookies, redirects and forms, over real HTTP.

import { type HTMLElement, parse } from 'node-html-parser'
import { CookieJar } from 'tough-cookie'

export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly body: string
  readonly document: HTMLElement
}

export interface Browser {
  readonly jar: CookieJar
  /** Requests and follows redirects on our origin; one that leads elsewhere ends as a page without a body. */
  open(url: string): Promise<Page>
  /**
   * Fills in the page's form and sends it. `button` is the value of the button to press; `form` selects one of several
   * forms.
   */
  submit(
    page: Page,
    fields: Readonly<Record<string, string | readonly string[]>>,
    button?: string,
    form?: string,
  ): Promise<Page>
  /** Posts by itself, as a page of another site would make it, unless `headers` say otherwise. */
  post(
    url: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Page>
}

const MOST_REDIRECTS = 12

/** `origin`: the only one whose redirects are followed, as a client's callback is not ours to open. */
export function createBrowser(origin: string): Browser {
  const jar = new CookieJar()

  const request = async (url: string, init: RequestInit): Promise<Response> => {
    const cookie = await jar.getCookieString(url)
    const headers = { accept: 'text/html', ...init.headers, ...(cookie ? { cookie } : {}) }
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) await jar.setCookie(line, url, { ignoreError: true })
    return response
  }

  const follow = async (url: string, init: RequestInit = {}): Promise<Page> => {
    let at = url
    let response = await request(at, init)
    for (let hops = 0; hops < MOST_REDIRECTS; hops++) {
      const location = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || location === null) return toPage(at, response)
      at = new URL(location, at).href
      await response.body?.cancel()
      if (!at.startsWith(`${origin}/`) && at !== origin) return emptyPage(at, response)
      response = await request(at, {})
    }
    throw new Error(`more than ${MOST_REDIRECTS} redirects from ${url}`)
  }

  return {
    jar,
    open: (url) => follow(url),
    post: (url, fields, headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }) =>
      follow(url, { method: 'POST', headers, body: new URLSearchParams(fields) }),
    submit(page, fields, button, which = 'form[method="post"], form[method="POST"]') {
      const form = page.document.querySelector(which)
      if (!form)
        throw new Error(
          `no form on ${page.url} (${page.status}): ${page.document.querySelector('main')?.text ?? page.body}`,
        )
      const body = fill(form, fields, button)
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        origin,
        'sec-fetch-site': 'same-origin',
      }
      return follow(new URL(form.getAttribute('action') ?? '', page.url).href, {
        method: 'POST',
        headers,
        body: `${body}`,
      })
    },
  }
}

type Fields = Readonly<Record<string, string | readonly string[]>>

/** What a browser would post: the form's own values, those typed in, and the button that was pressed. */
function fill(form: HTMLElement, fields: Fields, button?: string): URLSearchParams {
  const body = new URLSearchParams()
  for (const input of form.querySelectorAll('input')) {
    const name = input.getAttribute('name')
    if (name && !Object.hasOwn(fields, name) && isSent(input))
      body.append(
        name,
        input.getAttribute('value') ?? (input.getAttribute('type') === 'checkbox' ? 'on' : ''),
      )
  }
  for (const [name, value] of Object.entries(fields)) {
    for (const each of [value].flat()) body.append(name, String(each))
  }
  if (button !== undefined) body.append(nameOf(form, button), button)
  return body
}

function isSent(input: HTMLElement): boolean {
  const type = input.getAttribute('type')
  if (type === 'submit') return false
  return (type !== 'checkbox' && type !== 'radio') || input.hasAttribute('checked')
}

function nameOf(form: HTMLElement, button: string): string {
  const pressed = form.querySelectorAll('button').find((each) => each.getAttribute('value') === button)
  const name = pressed?.getAttribute('name')
  if (!name) throw new Error(`no button with the value ${button}`)
  return name
}

async function toPage(url: string, response: Response): Promise<Page> {
  const body = await response.text()
  return { url, status: response.status, headers: response.headers, body, document: parse(body) }
}

function emptyPage(url: string, response: Response): Page {
  return { url, status: response.status, headers: response.headers, body: '', document: parse('') }
}
