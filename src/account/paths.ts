// Owns where the pages of this room are, and where their forms post.

export const ACCOUNT_PATH = '/account'
export const LOGOUT_PATH = '/logout'
export const SIGN_OUT_ACTION = '/logout/confirm'
/** Before the name of an upstream; no name begins with a hyphen. */
export const LEFT_OVER_PATH = '/connect/-/left/'

export const ACTIONS = {
  disconnect: '/account/apps/disconnect',
  endSession: '/account/sessions/end',
  endAll: '/account/sessions/end-all',
  password: '/account/password',
  createKey: '/account/keys/create',
  revokeKey: '/account/keys/revoke',
  signOut: SIGN_OUT_ACTION,
} as const
