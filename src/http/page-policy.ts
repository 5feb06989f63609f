// Owns the Content-Security-Policy of a page: nothing but our own style sheet, and forms that lead nowhere unexpected.

/** One source expression (CSP3 §2.3.1): a scheme, or an origin without a wildcard. */
const SOURCE = /^[a-z][a-z0-9+.-]*:(\/\/[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?)?$/i

/** `formAction`: where else a form may lead. Anything that is not one plain source is left out. */
export function pagePolicy(nonce: string, formAction?: string): string {
  const destination = formAction !== undefined && SOURCE.test(formAction) ? ` ${formAction}` : ''
  return [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `form-action 'self'${destination}`,
  ].join('; ')
}
