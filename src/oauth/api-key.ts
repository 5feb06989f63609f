// Owns how an API key looks, so that the gateway can tell one from an access token without asking.

export const API_KEY_PREFIX = 'gh'

export function isApiKey(token: string): boolean {
  return token.startsWith(`${API_KEY_PREFIX}_`)
}
