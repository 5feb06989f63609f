// Owns what a person is told whose page does not count any more: it took too long, was finished, or is another person's by now.

import type { ErrorView } from './view-data.ts'

export const EXPIRED_STATUS = 400

/** `again`: where the same request begins anew; null when nothing is left of it. */
export function expiredSignIn(again: string | null): ErrorView {
  return again === null ? EXPIRED_SIGN_IN : { ...CHANGED_SIGN_IN, link: { href: again, label: 'Continue' } }
}

const CHANGED_SIGN_IN: ErrorView = {
  title: 'This page is about another sign-in',
  message: 'After it was opened, you signed out in this browser, or signed in with another account.',
  advice: 'Nothing was decided. Continue to connect the app: you will see which account it is for.',
  link: null,
  code: null,
  requestId: null,
}

export const EXPIRED_SIGN_IN: ErrorView = {
  title: 'This sign-in has expired',
  message: 'It took too long, was finished already, or was started in another browser.',
  advice: 'Go back to your app and connect again. You can close this page.',
  link: null,
  code: null,
  requestId: null,
}
