// Owns what a person is told whose sign-in took too long, was finished already, or was begun in another browser.

import type { ErrorView } from './view-data.ts'

export const EXPIRED_STATUS = 400

export const EXPIRED_SIGN_IN: ErrorView = {
  title: 'This sign-in has expired',
  message: 'It took too long, was finished already, or was started in another browser.',
  advice: 'Go back to your app and connect again. You can close this page.',
  link: null,
  code: null,
  requestId: null,
}
